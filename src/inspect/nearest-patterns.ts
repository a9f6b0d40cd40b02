/** Spans of a sequence with similar states. */
import { requireInteger, requireNumber, requireOptions } from '../checks.js';
import { type Grid, requireGrid, requireNumbers } from './grid.js';

/** A span with states similar to those of the chosen span. */
export interface PatternMatch {
  /** The first step. */
  readonly from: number;
  /** The step after the last. */
  readonly to: number;
  /** The cosine similarity of the states of both spans, over all steps and the selected units. */
  readonly similarity: number;
}

/**
 * Finds spans with states similar to those of the span [from, to), most similar first (after LSTMVis, Strobelt et al. 2018,
 * arXiv:1606.07461). Matches overlap neither each other nor the span. Only units with |value| >= `threshold` at every step of the
 * span are compared; `units` lists them.
 *
 * @param states the states, [T, units]; for example `h` of an `LstmTrace`.
 * @param options.threshold the threshold on |value|; default 0.3.
 * @param options.count the maximum number of matches; default 10.
 */
export function nearestPatterns(
  states: Grid,
  span: readonly [from: number, to: number],
  options: { readonly threshold?: number; readonly count?: number } = {},
): { readonly units: readonly number[]; readonly matches: readonly PatternMatch[] } {
  requireGrid('states', states);
  requireNumbers('span', span, 2);
  requireOptions('options', options ?? null, ['threshold', 'count']);
  const { threshold = 0.3, count = 10 } = options;
  requireNumber('threshold', threshold, 0, Number.POSITIVE_INFINITY);
  requireInteger('count', count, 0, Number.MAX_SAFE_INTEGER);
  const [from, to] = span;
  const { rows, cols, data } = states;
  requireInteger('span[0]', from, 0, rows - 1);
  requireInteger('span[1]', to, from + 1, rows);
  const isOn = (t: number, unit: number): boolean => Math.abs(data[t * cols + unit]!) >= threshold;
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  const units = Array.from({ length: cols }, (_, unit) => unit).filter((unit) => steps.every((t) => isOn(t, unit)));
  const similarity = (at: number): number => {
    let [product, a, b] = [0, 0, 0];
    for (const [i, t] of steps.entries()) {
      for (const unit of units) {
        const [u, v] = [data[t * cols + unit]!, data[(at + i) * cols + unit]!];
        product += u * v;
        a += u * u;
        b += v * v;
      }
    }
    return a > 0 && b > 0 ? product / Math.sqrt(a * b) : 0;
  };
  const length = to - from;
  const all = Array.from({ length: Math.max(0, rows - length + 1) }, (_, at) => ({
    from: at,
    to: at + length,
    similarity: similarity(at),
  }));
  const taken: PatternMatch[] = [];
  const isFree = (one: PatternMatch): boolean =>
    [...taken, { from, to }].every((other) => one.to <= other.from || one.from >= other.to);
  for (const one of all.sort((p, q) => q.similarity - p.similarity)) {
    if (taken.length >= count || units.length === 0) break;
    if (isFree(one)) taken.push(one);
  }
  return { units, matches: taken };
}
