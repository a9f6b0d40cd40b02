/**
 * A curve over the updates, thinned evenly so that it stays cheap to draw: buckets of equal width, each with the mean, the lowest
 * and the highest value of its points. When all buckets are full, neighbors are merged, so early and late parts of a run have the
 * same resolution.
 */
import type { UpdatePoint } from './engine/api.js';

export interface Bucket {
  /** The first and the last update of its points. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

export interface Curve {
  readonly buckets: readonly Bucket[];
  /** Points per bucket, a power of 2; the last bucket may have fewer. */
  readonly width: number;
  /** All points that were added. */
  readonly count: number;
  /** The point that was added last. */
  readonly last: UpdatePoint | null;
}

export const EMPTY_CURVE: Curve = { buckets: [], width: 1, count: 0, last: null };

/** Buckets that a curve has at most; even, so that they can be merged in pairs. */
export const MAX_BUCKETS = 1000;

const bucketOf = ([update, value]: UpdatePoint): Bucket => ({
  first: update,
  last: update,
  count: 1,
  mean: value,
  min: value,
  max: value,
});

function merged(a: Bucket, b: Bucket): Bucket {
  const count = a.count + b.count;
  return {
    first: a.first,
    last: b.last,
    count,
    mean: a.mean + ((b.mean - a.mean) * b.count) / count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  };
}

const mergedPairs = (buckets: readonly Bucket[]): Bucket[] =>
  Array.from({ length: buckets.length / 2 }, (_, i) => merged(buckets[2 * i]!, buckets[2 * i + 1]!));

/** The curve with more points. */
export function extended(curve: Curve, more: readonly UpdatePoint[]): Curve {
  if (more.length === 0) return curve;
  let { width, count } = curve;
  let buckets = [...curve.buckets];
  for (const point of more) {
    if (count === MAX_BUCKETS * width) {
      buckets = mergedPairs(buckets);
      width *= 2;
    }
    if (count % width === 0) buckets.push(bucketOf(point));
    else buckets.push(merged(buckets.pop()!, bucketOf(point)));
    count++;
  }
  return { buckets, width, count, last: more.at(-1)! };
}

/** Where a bucket is drawn: the middle of its updates. */
export const middleOf = ({ first, last }: Bucket): number => (first + last) / 2;

/** The mean of each bucket, and the last point itself. */
export function meanPoints({ buckets, last }: Curve): readonly UpdatePoint[] {
  const means = buckets.map((bucket) => [middleOf(bucket), bucket.mean] as const);
  return last === null || buckets.at(-1)!.count === 1 ? means : [...means, last];
}
