/** What a unit tracks: how its values go together with things that can be told from the text. */
import type { Grid } from './grid.js';

/** A number for each character. */
export interface Feature {
  readonly name: string;
  readonly values: readonly number[];
}

const isLetter = (c: string): boolean => /\p{L}/u.test(c);

/** Of each character, when it has been read: where it stands, and what it is. A quote opens or closes at every " and curly quote. */
export function textFeatures(text: string): Feature[] {
  const [line, word, quotes, brackets, sentence]: [number[], number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
    [],
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
    { name: 'place in the line', values: line },
    { name: 'place in the word', values: word },
    { name: 'inside quotes', values: quotes },
    { name: 'depth of brackets', values: brackets },
    { name: 'characters since a sentence ended', values: sentence },
    flag('a space', (c) => c === ' '),
    flag('a line’s end', (c) => c === '\n'),
    flag('a vowel', (c) => /[aeiou]/i.test(c)),
    flag('a capital', (c) => c !== c.toLowerCase()),
    flag('a digit', (c) => /\d/.test(c)),
    flag('punctuation', (c) => /\p{P}/u.test(c)),
  ];
}

export interface Tracking {
  readonly unit: number;
  readonly feature: string;
  /** Pearson's, over the steps: -1 to 1. */
  readonly correlation: number;
}

/**
 * Every unit with the feature that it goes with most, the strongest first. Features and units that do not vary are left out.
 *
 * @param grid [T, units]: c of a layer, say.
 */
export function whatUnitsTrack(grid: Grid, features: readonly Feature[]): Tracking[] {
  const columns = features.map(({ name, values }) => ({ name, z: standard(values.slice(0, grid.rows)) }));
  return Array.from({ length: grid.cols }, (_, unit) => {
    const own = standard(Array.from({ length: grid.rows }, (_, t) => grid.data[t * grid.cols + unit]!));
    let best: Tracking | null = null;
    for (const { name, z } of columns) {
      if (!own || !z) continue;
      const correlation = own.reduce((sum, v, t) => sum + v * z[t]!, 0) / grid.rows;
      if (!best || Math.abs(correlation) > Math.abs(best.correlation)) best = { unit, feature: name, correlation };
    }
    return best;
  })
    .filter((one) => one !== null)
    .sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
}

/** Mean 0, variance 1; null where nothing varies. */
function standard(values: readonly number[]): number[] | null {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
  return deviation > 1e-12 * (1 + Math.abs(mean)) ? values.map((v) => (v - mean) / deviation) : null;
}

export interface Match {
  /** The span [from, to) whose states are alike. */
  readonly from: number;
  readonly to: number;
  /** Cosine of the two spans' states, all steps and chosen units side by side. */
  readonly similarity: number;
}

/**
 * Places whose hidden states go as they do over the span [from, to), the most alike first, none overlapping another or the span
 * (after LSTMVis, Strobelt et al. 2018). The units that count are those that stay on the same side of `threshold` all over the span.
 *
 * @param threshold on |h|. Default 0.3.
 * @param count at most so many. Default 10.
 */
export function nearestPatterns(
  states: Grid,
  span: readonly [from: number, to: number],
  { threshold = 0.3, count = 10 }: { readonly threshold?: number; readonly count?: number } = {},
): { readonly units: readonly number[]; readonly matches: readonly Match[] } {
  const [from, to] = span;
  const { rows, cols, data } = states;
  const isOn = (t: number, unit: number): boolean => Math.abs(data[t * cols + unit]!) >= threshold;
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  const units = Array.from({ length: cols }, (_, unit) => unit).filter((unit) => steps.every((t) => isOn(t, unit)));
  const similarity = (at: number): number => {
    let [along, a, b] = [0, 0, 0];
    for (const [i, t] of steps.entries()) {
      for (const unit of units) {
        const [u, v] = [data[t * cols + unit]!, data[(at + i) * cols + unit]!];
        along += u * v;
        a += u * u;
        b += v * v;
      }
    }
    return a > 0 && b > 0 ? along / Math.sqrt(a * b) : 0;
  };
  const length = to - from;
  const all = Array.from({ length: Math.max(0, rows - length + 1) }, (_, at) => ({
    from: at,
    to: at + length,
    similarity: similarity(at),
  }));
  const taken: Match[] = [];
  const free = (one: Match): boolean =>
    [...taken, { from, to }].every((other) => one.to <= other.from || one.from >= other.to);
  for (const one of all.sort((p, q) => q.similarity - p.similarity)) {
    if (taken.length >= count || units.length === 0) break;
    if (free(one)) taken.push(one);
  }
  return { units, matches: taken };
}
