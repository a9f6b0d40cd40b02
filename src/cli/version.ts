import { readFileSync } from 'node:fs';

const PACKAGE = new URL('../../package.json', import.meta.url);

/** The version of this package. */
export const VERSION = (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;

/** The versions that all ranks of a command must have, by what a message calls them. */
export const RANK_VERSIONS = {
  'the version of Unspool': VERSION,
  'the version of Node': process.version,
} as const;
