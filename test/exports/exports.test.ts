/**
 * Whatever a plain JavaScript program passes, every export works or throws an `UnspoolError`. A number of calls instead of a time,
 * so that every machine makes the same calls. .ci/run makes others, with another seed, for a minute. fuzz.mjs says how to make
 * more, and how to repeat a call of its report.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const FUZZ = fileURLToPath(new URL('fuzz.mjs', import.meta.url));

test('arbitrary values for every argument of every export', async () => {
  const args = [FUZZ, '--calls', '6000', '--seed', '1'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 }).catch((error) => error);
  expect(stdout).toMatch(/^6000 calls of \d{3,} functions in \d+ s, seed 1; 0 raw exceptions, 0 late ones\.\nok\n$/m);
}, 600_000);
