/** The example of US births, run as its reader runs it, on fewer windows. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

test('the last line is JSON with the errors of each seed, of all together and of the published baselines', () => {
  const args = ['examples/births/main.mjs', '--epochs', '1', '--seeds', '1,2', '--stride', '90'];
  const output = execFileSync('node', args, { cwd: join(__dirname, '..', '..'), encoding: 'utf8' });
  const { errors, methods, interval } = JSON.parse(output.trim().split('\n').at(-1)!);
  expect(errors.map(({ seed }: { seed: number }) => seed)).toEqual([1, 2]);
  expect(methods.map(({ name }: { name: string }) => name).slice(0, 2)).toEqual(['LSTM, 2 seeds together', 'naive']);
  expect(methods[1].mae.toFixed(2)).toBe('1266.88');
  expect(interval.nominal).toBeCloseTo(0.9, 12);
});
