/** The data of the Studio's plots: curves with the same resolution everywhere. */
import { describe, expect, test } from '@jest/globals';
import { EMPTY_CURVE, extended, MAX_BUCKETS, meanPoints } from '../../studio/src/curve.js';

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
