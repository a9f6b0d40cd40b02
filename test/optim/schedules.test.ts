import { expect, test } from '@jest/globals';
import { constant, cosine, linear } from '../../src/optim/schedules.js';

const over = (schedule: typeof linear, steps: number) =>
  Array.from({ length: steps }, (_, i) => schedule(i + 1, steps));

test('each starts at the whole rate; linear falls evenly, cosine as half a cosine', () => {
  expect(over(constant, 4)).toEqual([1, 1, 1, 1]);
  expect(over(linear, 4)).toEqual([1, 0.75, 0.5, 0.25]);
  const half = over(cosine, 4);
  [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2].forEach((wanted, i) => {
    expect(half[i]).toBeCloseTo(wanted, 12);
  });
});
