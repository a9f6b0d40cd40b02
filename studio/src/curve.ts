/** A curve over the updates, thinned evenly so that it stays cheap to draw. */
import type { UpdatePoint } from './engine/api.js';

export interface Curve {
  readonly points: readonly UpdatePoint[];
  /** Every `stride`-th point of those that were added is kept; a power of 2. */
  readonly stride: number;
  /** Points that were added. */
  readonly count: number;
  /** The point that was added last, whether it is kept or not. */
  readonly last: UpdatePoint | null;
}

export const EMPTY_CURVE: Curve = { points: [], stride: 1, count: 0, last: null };

/**
 * The curve with more points. If more than `max` would be kept, the stride is doubled for the whole curve, old points and new, so
 * that the kept points are evenly spaced.
 */
export function extended(curve: Curve, more: readonly UpdatePoint[], max = 1500): Curve {
  if (more.length === 0) return curve;
  let { stride } = curve;
  let points = [...curve.points, ...more.filter((_, i) => (curve.count + i) % stride === 0)];
  while (points.length > max) {
    points = points.filter((_, i) => i % 2 === 0);
    stride *= 2;
  }
  return { points, stride, count: curve.count + more.length, last: more.at(-1)! };
}

/** The points to draw: the kept ones, and the last. */
export function drawnPoints({ points, last }: Curve): readonly UpdatePoint[] {
  return last === null || points.at(-1) === last ? points : [...points, last];
}
