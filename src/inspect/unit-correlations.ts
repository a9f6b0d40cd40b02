/** What units represent: correlations with features of the text, and spans with similar states. */
import { requireInteger, requireNumber, requireOptions, shown } from '../checks.js';
import { invalidData } from '../errors.js';
import { type Grid, requireGrid, requireNumbers, requireObject } from './grid.js';

/** A feature of a text: one number per character. */
export interface Feature {
  /** The name, as in `inside quotes`. */
  readonly name: string;
  /** The value at each character. */
  readonly values: readonly number[];
}

const isLetter = (c: string): boolean => /\p{L}/u.test(c);

/**
 * The features of a text: position, nesting and kind of each character. A character is included in the counts at its own position.
 * Each straight quote opens or closes a quotation.
 */
export function textFeatures(text: string): Feature[] {
  if (typeof text !== 'string') throw invalidData('text', `must be a string, got ${shown(text)}.`);
  const [line, word, quotes, brackets, sentence] = Array.from({ length: 5 }, (): number[] => []) as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  let [column, length, inside, depth, since] = [0, 0, false, 0, 0];
  for (const c of text) {
    column = c === '\n' ? 0 : column + 1;
    length = isLetter(c) ? length + 1 : 0;
    if (c === '"') inside = !inside;
    if (c === '\u201c') inside = true;
    if (c === '\u201d') inside = false;
    if ('([{'.includes(c)) depth++;
    if (')]}'.includes(c)) depth = Math.max(0, depth - 1);
    since = '.!?'.includes(c) ? 0 : since + 1;
    line.push(column);
    word.push(length);
    quotes.push(inside ? 1 : 0);
    brackets.push(depth);
    sentence.push(since);
  }
  const characters = [...text];
  const flag = (name: string, test: (c: string) => boolean): Feature => ({
    name,
    values: characters.map((c) => (test(c) ? 1 : 0)),
  });
  return [
    { name: 'position in line', values: line },
    { name: 'position in word', values: word },
    { name: 'inside quotes', values: quotes },
    { name: 'bracket depth', values: brackets },
    { name: 'characters since a sentence ended', values: sentence },
    flag('space', (c) => c === ' '),
    flag('line end', (c) => c === '\n'),
    flag('vowel', (c) => /[aeiou]/i.test(c)),
    flag('capital letter', (c) => c !== c.toLowerCase()),
    flag('digit', (c) => /\d/.test(c)),
    flag('punctuation', (c) => /\p{P}/u.test(c)),
  ];
}

/** The feature that a unit correlates with most. */
export interface UnitCorrelation {
  /** The index of the unit. */
  readonly unit: number;
  /** The name of the feature. */
  readonly feature: string;
  /** Pearson's correlation coefficient over the steps, -1 to 1. */
  readonly correlation: number;
}

/**
 * Finds the feature that each unit correlates with most, sorted by the size of the correlation. Units and features that are
 * constant are left out.
 *
 * @param grid the values of the units, [T, units]; for example `c` of an `LstmTrace`.
 */
export function unitCorrelations(grid: Grid, features: readonly Feature[]): UnitCorrelation[] {
  requireGrid('grid', grid);
  requireFeatures(features, grid.rows);
  const columns = features.map(({ name, values }) => ({
    name,
    z: standardized(Array.from(values).slice(0, grid.rows)),
  }));
  return Array.from({ length: grid.cols }, (_, unit) => {
    const values = standardized(Array.from({ length: grid.rows }, (_, t) => grid.data[t * grid.cols + unit]!));
    let best: UnitCorrelation | null = null;
    for (const { name, z } of columns) {
      if (!values || !z) continue;
      const correlation = values.reduce((sum, v, t) => sum + v * z[t]!, 0) / grid.rows;
      if (!best || Math.abs(correlation) > Math.abs(best.correlation)) best = { unit, feature: name, correlation };
    }
    return best;
  })
    .filter((one) => one !== null)
    .sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
}

function requireFeatures(features: unknown, steps: number): void {
  if (!Array.isArray(features)) throw invalidData('features', `must be a list, got ${shown(features)}.`);
  for (const [i, feature] of features.entries()) {
    requireObject(`features[${i}]`, feature);
    const { name, values } = feature;
    if (typeof name !== 'string') throw invalidData(`features[${i}].name`, `must be a string, got ${shown(name)}.`);
    requireNumbers(`features[${i}].values`, values);
    if (values.length >= steps) continue;
    throw invalidData(
      `features[${i}].values`,
      `must have a number for each of the ${steps} steps, got ${values.length}.`,
    );
  }
}

/** Scales values to mean 0 and variance 1; null if they are constant. */
function standardized(values: readonly number[]): number[] | null {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return std > 1e-12 * (1 + Math.abs(mean)) ? values.map((v) => (v - mean) / std) : null;
}

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
