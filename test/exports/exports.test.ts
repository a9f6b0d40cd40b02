/**
 * Whatever a plain JavaScript program passes, every export works or throws an `UnspoolError`. UNSPOOL_FUZZ_SECONDS sets how long
 * this tries (default 20); fuzz.mjs says how to repeat a call of its report.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const seconds = Number(process.env.UNSPOOL_FUZZ_SECONDS ?? 20);
const FUZZ = fileURLToPath(new URL('fuzz.mjs', import.meta.url));

test(
  'arbitrary values for every argument of every export',
  async () => {
    const args = [FUZZ, '--seconds', String(seconds), '--seed', '1'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 }).catch((error) => error);
    expect(stdout).toMatch(/\d{3,} calls of \d{3,} functions in \d+ s, seed 1; 0 raw exceptions, 0 late ones\.\nok\n$/);
  },
  (seconds + 200) * 1000,
);
