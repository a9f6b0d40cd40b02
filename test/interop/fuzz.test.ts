/**
 * Damaged files of every format give a model or an `UnspoolError`. 400 files, a number instead of a time, so that every machine
 * opens the same ones. fuzz.mjs says how to open others, and how to repeat one of its report.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

test('every damaged file gives a model or an UnspoolError', async () => {
  const args = [join(__dirname, 'fuzz.mjs'), '--files', '400', '--seed', '1'];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
  const [, models] = /^400 files, (\d+) still models, in \d+ s, seed 1; 0 findings\.\n$/.exec(stdout) ?? [stdout];
  expect(Number(models)).toBeGreaterThan(4); // nothing would be tested if every file were refused,
  expect(Number(models)).toBeLessThan(300); // or none damaged
});
