import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { dot } from '../../src/estimators/vectors.js';
import { biasInterval, type DrawGroup, normalWidth } from '../../src/lab/bias-interval.js';

const random = createRng(1, 'bias interval');

/** Draws g + beta + noise, in groups that differ in size by one. */
function drawn(count: number, beta: readonly number[], exact: Float64Array): { groups: DrawGroup[]; all: number[][] } {
  const groups = Array.from({ length: 7 }, () => ({ sum: new Float64Array(beta.length), count: 0 }));
  const all = Array.from({ length: count }, (_, n) => {
    const draw = beta.map((b, p) => exact[p]! + b + 2 * random.normal());
    const group = groups[n % groups.length]!;
    for (const [p, value] of draw.entries()) group.sum[p]! += value;
    group.count++;
    return draw;
  });
  return { groups, all };
}

const exact = Float64Array.of(1, -2, 0.5, 3);

test('its middle is the mean of the products of draws in different groups', () => {
  const beta = [3, 1, -2, 2];
  const { groups, all } = drawn(24, beta, exact);
  const off = all.map((draw) => Float64Array.from(draw, (v, p) => v - exact[p]!));
  const products = off.flatMap((a, i) => off.flatMap((b, j) => (i % 7 === j % 7 ? [] : [dot(a, b)])));
  const [low, high] = biasInterval(groups, exact, 0);
  expect(low).toBe(high);
  expect(low).toBeCloseTo(Math.sqrt(products.reduce((a, b) => a + b) / products.length), 12);
});

test('its ends are a standard error of the jackknife away, each group left out once', () => {
  const { groups } = drawn(24, [3, 1, -2, 2], exact);
  const parts = groups.map(({ sum, count }) => ({ count, off: sum.map((v, p) => v - count * exact[p]!) }));
  /** The mean of the products of draws in different groups. */
  const mean = (list: typeof parts): number => {
    let [products, pairs] = [0, 0];
    for (const [i, a] of list.entries()) {
      for (const b of list.slice(i + 1)) {
        products += 2 * dot(a.off, b.off);
        pairs += 2 * a.count * b.count;
      }
    }
    return products / pairs;
  };
  const [U, without] = [mean(parts), parts.map((_, k) => mean(parts.filter((_, i) => i !== k)))];
  const G = parts.length;
  const middle = without.reduce((a, b) => a + b) / G;
  const error = Math.sqrt(((G - 1) / G) * without.reduce((sum, u) => sum + (u - middle) ** 2, 0));
  const x = 0.6744897501960817; // half of a standard normal is within it
  const [low, high] = biasInterval(groups, exact, 0.5);
  expect(low).toBeCloseTo(Math.sqrt(Math.max(0, U - x * error)), 10);
  expect(high).toBeCloseTo(Math.sqrt(U + x * error), 10);
  expect(high).toBeGreaterThan(low + 0.1);
});

describe('95 % of the intervals contain the bias', () => {
  test.each([
    ['without one', [0, 0, 0, 0], 1],
    ['of half a standard deviation', [1, 0, 0, 0], 0.9],
    ['of two', [2, 2, -2, 2], 0.9],
  ])('%s', (_, beta, least) => {
    const trials = Array.from({ length: 300 }, () => biasInterval(drawn(40, beta, exact).groups, exact, 0.95));
    const size = Math.hypot(...beta);
    const share = trials.filter(([low, high]) => low <= size && size <= high).length / trials.length;
    expect(share).toBeGreaterThan(least - 0.05);
    // They are short enough to say something: |mean - g| has a noise of 2 sqrt(4 / 40) = 0.63.
    expect(trials.reduce((sum, [low, high]) => sum + high - low, 0) / trials.length).toBeLessThan(2);
  });
});

test('nothing limits the bias with two groups, or at a confidence of 1', () => {
  const { groups } = drawn(8, [0, 0, 0, 0], exact);
  expect(biasInterval(groups.slice(0, 2), exact, 0.95)).toEqual([0, Number.POSITIVE_INFINITY]);
  expect(biasInterval(groups, exact, 1)).toEqual([0, Number.POSITIVE_INFINITY]);
});

test('the width of a standard normal', () => {
  // The quantiles at (1 + p) / 2 of printed tables (Abramowitz & Stegun, table 26.5), and of statistics.NormalDist in Python.
  for (const [probability, x] of [
    [0, 0],
    [0.5, 0.6744897501960817],
    [0.95, 1.959963984540054],
    [0.99, 2.5758293035489],
    [0.999999, 4.891638475671],
  ] as const) {
    expect(normalWidth(probability)).toBeCloseTo(x, 9);
  }
});
