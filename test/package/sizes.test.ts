/** How large each entry of the package is in a page, and how small unspool/infer. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const external = [...Object.keys(manifest.peerDependencies), 'node:*'].map((name) => `--external:${name}`);

/**
 * The most KiB of an entry with everything that it can load, minified and gzipped. A page loads less: of the engine it takes what it
 * names (test/browser/page.test.ts), and other backends and variants on demand.
 */
const LIMITS: Readonly<Record<string, number>> = {
  './infer': 6,
  './infer/simd': 20,
  '.': 150,
  './distributed': 150,
  './gpu': 130,
  './inspect': 80,
  './interop': 120,
  './lab': 80,
  './node': 150,
  './tasks': 158,
  './tune': 20,
  './worker': 150,
};

/** Bytes of an entry, bundled, minified and gzipped. */
function sizeOf(file: string): number {
  const flags = ['--bundle', '--minify', '--format=esm', '--log-level=error', ...external];
  return gzipSync(execFileSync(join(ROOT, 'node_modules/.bin/esbuild'), [join(ROOT, file), ...flags]), { level: 9 })
    .length;
}

const ENTRIES = Object.entries(manifest.exports).flatMap(([name, entry]) =>
  typeof entry === 'string' ? [] : [[name, entry.default] as const],
);

test('every entry has a limit', () => {
  expect(Object.keys(LIMITS).sort()).toEqual(ENTRIES.map(([name]) => name).sort());
});

test.each(ENTRIES)('%s is not larger than its limit', (name, file) => {
  const size = sizeOf(file);
  process.stdout.write(`unspool${name.slice(1)}: ${size} bytes gzipped\n`);
  expect(size).toBeLessThanOrEqual(LIMITS[name]! * 1024);
});
