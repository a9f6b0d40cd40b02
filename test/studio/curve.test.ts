/** The data of the Studio's plots: curves with the same resolution everywhere, and the labels of logarithmic axes. */
import { describe, expect, test } from '@jest/globals';
import { EMPTY_CURVE, extended, MAX_BUCKETS, meanPoints } from '../../studio/src/curve.js';
import { logLabel, logTicks } from '../../studio/src/ui/axes.js';

const loss = (update: number): number => 1 / update + (update % 7 === 0 ? 0.5 : 0);
const points = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => [from + i + 1, loss(from + i + 1)] as const);
const curveOf = (total: number, atOnce: number) => {
  let curve = EMPTY_CURVE;
  for (let from = 0; from < total; from += atOnce) {
    curve = extended(curve, points(from, Math.min(atOnce, total - from)));
  }
  return curve;
};

describe('a curve', () => {
  test.each([14_983, 7, 1])('of 14,983 updates, added %i at a time, has buckets of equal width', (atOnce) => {
    const total = 14_983;
    const { buckets, width, count, last } = curveOf(total, atOnce);
    expect(width).toBe(16);
    expect(count).toBe(total);
    expect(last).toEqual([total, loss(total)]);
    expect(buckets).toHaveLength(Math.ceil(total / width));
    for (const [i, bucket] of buckets.entries()) {
      const [first, end] = [i * width + 1, Math.min(total, (i + 1) * width)];
      const values = points(first - 1, end - first + 1).map(([, value]) => value);
      expect(bucket).toMatchObject({ first, last: end, count: values.length });
      expect(bucket.mean).toBeCloseTo(values.reduce((a, b) => a + b) / values.length, 12);
      expect([bucket.min, bucket.max]).toEqual([Math.min(...values), Math.max(...values)]);
    }
  });

  test('never has more than the maximum of buckets, nor fewer than half of it', () => {
    let curve = EMPTY_CURVE;
    for (let from = 0; from < 9000; from += 3) {
      curve = extended(curve, points(from, 3));
      expect(curve.buckets.length).toBeLessThanOrEqual(MAX_BUCKETS);
      expect(curve.buckets.length).toBeGreaterThanOrEqual(Math.min(curve.count, MAX_BUCKETS / 2));
    }
  });

  test('with few points keeps them all, and with many ends with the last point', () => {
    const few = points(0, MAX_BUCKETS);
    expect(meanPoints(extended(extended(EMPTY_CURVE, few.slice(0, 9)), few.slice(9)))).toEqual(few);
    expect(meanPoints(curveOf(4001, 4001)).at(-1)).toEqual([4001, loss(4001)]);
    expect(meanPoints(EMPTY_CURVE)).toEqual([]);
  });

  test('does not change a curve that it extends', () => {
    const before = curveOf(2500, 2500);
    const copy = structuredClone(before);
    extended(before, points(2500, 1));
    expect(before).toEqual(copy);
    expect(extended(before, [])).toBe(before);
  });
});

describe('the labels of a logarithmic axis', () => {
  test.each([
    [0.02, 0.09, 5, [0.02, 0.03, 0.05, 0.07]], // no power of ten
    [0.02, 3, 6, [0.03, 0.1, 0.3, 1, 3]],
    [0.02, 3, 7, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]],
    [1e-6, 0.1, 6, [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1]],
    [1e-12, 1, 5, [1e-12, 1e-9, 1e-6, 1e-3, 1]],
    [0.081, 0.089, 5, [0.082, 0.084, 0.086, 0.088]],
    [3, 3, 5, [3]],
  ])('from %d to %d, about %i of them', (low, high, count, ticks) => {
    expect(logTicks(low, high, count)).toEqual(ticks);
  });

  test.each([
    [0.02, '0.02'],
    [2000, '2,000'],
    [1e-5, '1e-5'],
    [2.5e-7, '2.5e-7'],
    [3e6, '3e6'],
  ])('%d is written %s', (value, text) => {
    expect(logLabel(value)).toBe(text);
  });

  test('there are at least two on any axis that is not a point', () => {
    for (const low of [1.01e-7, 0.0234, 0.99, 7.3, 4.4e5]) {
      for (const ratio of [1.001, 1.5, 3, 11, 200, 1e9]) {
        const ticks = logTicks(low, low * ratio, 6);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
        for (const tick of ticks) expect(tick >= low && tick <= low * ratio).toBe(true);
      }
    }
  });
});
