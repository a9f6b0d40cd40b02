/** The example of sunspots, run as its reader runs it, for one epoch. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

test('the last line is JSON with the errors of each seed and of all together on both spans', () => {
  const args = ['examples/sunspots/main.mjs', '--epochs', '1', '--seeds', '2'];
  const output = execFileSync('node', args, { cwd: join(__dirname, '..', '..'), encoding: 'utf8' });
  const { errors, together } = JSON.parse(output.trim().split('\n').at(-1)!);
  expect(errors).toHaveLength(2);
  for (const one of [...errors, together]) {
    expect(Object.keys(one)).toEqual(['1921-1955', '1956-1979']);
    expect(one['1921-1955']).toBeGreaterThan(0.05);
    expect(one['1921-1955']).toBeLessThan(2);
  }
});
