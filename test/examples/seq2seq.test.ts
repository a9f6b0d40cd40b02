/** The example of sequence to sequence with attention, run as its reader runs it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(__dirname, '..', '..');
const run = (...args: string[]): string =>
  execFileSync('node', ['examples/seq2seq/main.mjs', ...args], { cwd: ROOT, encoding: 'utf8' });

test('every gradient, of encoder, decoder and attention, agrees with differences', () => {
  const errors = [...run('--check').matchAll(/^(\w+) +largest relative error (\S+)$/gm)];
  expect(errors.map(([, kind]) => kind)).toEqual(['none', 'dot', 'general', 'additive']);
  for (const [, , error] of errors) expect(Number(error)).toBeLessThan(1e-6);
});

test('with attention strings are copied that without it are not', () => {
  const shares = [...run('160', 'none', 'general').matchAll(/^(\w+) +loss .* mistake +([\d.]+) %/gm)].map(
    ([, kind, share]) => [kind, Number(share)],
  );
  const of = Object.fromEntries(shares) as Record<string, number>;
  expect(of.none).toBeLessThan(20);
  expect(of.general).toBeGreaterThan(90);
});
