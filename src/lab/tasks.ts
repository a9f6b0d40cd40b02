/**
 * Benchmark tasks with known memory: what must be remembered, over how many steps, and the loss of a guess without memory. Inputs are
 * one-hot or real values, so an LSTM can read them directly, as local rules require. All data come from the given generator.
 */

import { isObject, requireInteger, requireKeys, requireValues, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import { type Rng, requireRng } from '../core/rng.js';
import { invalidData, invalidSetting } from '../errors.js';
import { requireSize, type StepData } from '../estimators/system.js';
import { partOf } from '../estimators/vectors.js';
import { requireRows, requireSequence } from './checks.js';

/** Sequences of equal length side by side: the inputs and targets of all sequences for each step. */
export type Sequences = readonly StepData[];

/** One-hot rows: row n has a 1 at `classes[n]`. */
export function oneHot(classes: ArrayLike<number>, width: number): Float32Array {
  const values = new Float32Array(classes.length * width);
  for (let n = 0; n < classes.length; n++) values[n * width + classes[n]!] = 1;
  return values;
}

/** One of several sequences side by side. */
export const rowOf = (sequences: Sequences, rows: number, row: number): Sequences =>
  sequences.map(({ input, target }) => ({
    input: partOf(input, rows, row),
    target: target && partOf(target, rows, row),
  }));

/** Checks that every step has the same numbers of inputs and of targets, for `batchSize` sequences. */
function requireWhole(sequences: Sequences, batchSize: number): void {
  requireSequence(sequences);
  if (sequences.length === 0) throw invalidData('sequences', 'must have at least one step.');
  requireInteger('batchSize', batchSize, 1, 1 << 20);
  let wide: number | null = null;
  for (const [t, { input, target }] of sequences.entries()) {
    requireValues(`sequences[${t}].input`, input);
    requireSize(`sequences[${t}].input`, input, sequences[0]!.input.length);
    if (target === null || target === undefined) continue;
    requireValues(`sequences[${t}].target`, target);
    requireSize(`sequences[${t}].target`, target, (wide ??= target.length));
  }
  requireInteger('sequences[0].input.length / batchSize', sequences[0]!.input.length / batchSize, 1, 1 << 24);
  if (wide !== null) requireInteger('numbers of a target / batchSize', wide / batchSize, 1, 1 << 24);
}

/** Makes a batch of `batchSize` sequences side by side; a step without a target has weight 0. */
export function stepsToBatch(sequences: Sequences, batchSize: number): Batch {
  requireWhole(sequences, batchSize);
  const first = sequences.find(({ target }) => target)?.target;
  const [width, wide] = [sequences[0]!.input.length / batchSize, (first?.length ?? batchSize) / batchSize];
  const count = sequences.length * batchSize;
  const inputs = new Float32Array(count * width);
  const areClasses = !first || first instanceof Int32Array;
  const targets = areClasses ? new Int32Array(count) : new Float32Array(count * wide);
  const weights = new Float32Array(count);
  for (const [t, { input, target }] of sequences.entries()) {
    inputs.set(input, t * batchSize * width);
    if (!target) continue;
    targets.set(target, t * batchSize * wide);
    weights.fill(1, t * batchSize, (t + 1) * batchSize);
  }
  return { steps: sequences.length, batchSize, inputs, targets, weights };
}

const integers = (count: number, below: number, random: Rng): Int32Array =>
  Int32Array.from({ length: count }, () => random.integer(below));

/** Options of `copyTask`: `length` letters out of `symbols`, then `lag` blank steps, then the letters again, in order. */
export interface CopyTaskOptions {
  readonly symbols: number;
  readonly length: number;
  /** Steps between the last letter and the first recall. Default 0. */
  readonly lag?: number;
}

/** Input width of the copy tasks: the letters, a blank, and the signal to recall. */
export function copyWidth(options: Pick<CopyTaskOptions, 'symbols'>): number {
  if (!isObject(options)) throw invalidSetting('options', `must be an object, got ${shown(options)}.`);
  const { symbols } = options;
  requireInteger('symbols', symbols, 2, 1 << 16);
  return symbols + 2;
}

/**
 * The copy task (Hochreiter & Schmidhuber 1997; Arjovsky et al. 2016): 2 length + lag steps. The last `length` steps have the letters
 * as targets, each length + lag steps after it was shown.
 */
export function copyTask(shape: CopyTaskOptions, rows: number, random: Rng): Sequences {
  requireKeys('options', shape, ['symbols', 'length', 'lag']);
  const { symbols, length, lag = 0 } = shape;
  const width = copyWidth(shape);
  requireInteger('length', length, 1, 1 << 16);
  requireInteger('lag', lag, 0, 1 << 20);
  requireRows(rows, 2 * length + lag, width);
  requireRng('random', random);
  const letters = Array.from({ length }, () => integers(rows, symbols, random));
  const all = (value: number) => oneHot(new Int32Array(rows).fill(value), width);
  const [blank, signal] = [all(symbols), all(symbols + 1)];
  return [
    ...letters.map((seen) => ({ input: oneHot(seen, width), target: null })),
    ...Array.from({ length: lag }, () => ({ input: blank, target: null })),
    ...letters.map((target) => ({ input: signal, target })),
  ];
}

/**
 * A delay line: `length` letters, one every `every` steps, each due exactly `lag` steps after it was shown, at a signal. Takes
 * (length - 1) every + lag + 1 steps. `lag` must not be a multiple of `every`, so that no letter is shown while another is due.
 */
export function delayedCopyTask(
  shape: { readonly symbols: number; readonly length: number; readonly every: number; readonly lag: number },
  rows: number,
  random: Rng,
): Sequences {
  requireKeys('options', shape, ['symbols', 'length', 'every', 'lag']);
  const { symbols, length, every, lag } = shape;
  const width = copyWidth(shape);
  requireInteger('length', length, 1, 1 << 16);
  requireInteger('every', every, 2, 1 << 16);
  requireInteger('lag', lag, 1, 1 << 20);
  if (lag % every === 0)
    throw invalidSetting(
      'lag',
      `is ${lag}, a multiple of every = ${every}: a letter would be shown while another is due.`,
    );
  requireRows(rows, (length - 1) * every + lag + 1, width);
  requireRng('random', random);
  const letters = Array.from({ length }, () => integers(rows, symbols, random));
  const all = (value: number) => oneHot(new Int32Array(rows).fill(value), width);
  const [blank, signal] = [all(symbols), all(symbols + 1)];
  return Array.from({ length: (length - 1) * every + lag + 1 }, (_, t) => {
    const seen = t % every === 0 ? letters[t / every] : undefined;
    const due = t >= lag && (t - lag) % every === 0 ? letters[(t - lag) / every] : undefined;
    if (due) return { input: signal, target: due };
    return { input: seen ? oneHot(seen, width) : blank, target: null };
  });
}

/** Width of `aicherCopy`'s inputs and outputs: 4 letters and '#'. */
export const AICHER_SYMBOLS = 5;

/**
 * Aicher's copy task (Aicher et al. 2019, arXiv:1905.07473): a stream of '#' and `length` - 1 letters out of 4, then the same
 * `length` symbols as outputs, '#' first, while '#' is the input. Each symbol is due `length` steps after it was shown.
 */
export function* aicherCopy(length: number, rows: number, random: Rng): Generator<StepData> {
  requireInteger('length', length, 2, 1 << 16);
  const mark = new Int32Array(rows).fill(4);
  while (true) {
    const seen = [mark, ...Array.from({ length: length - 1 }, () => integers(rows, 4, random))];
    for (const symbol of seen) yield { input: oneHot(symbol, AICHER_SYMBOLS), target: mark };
    for (const target of seen) yield { input: oneHot(mark, AICHER_SYMBOLS), target };
  }
}

/** Perplexity of `aicherCopy` without memory of the letters: 4 where a letter is due, 1 elsewhere. */
export const aicherBaseline = (length: number): number => Math.exp(((length - 1) * Math.log(4)) / (2 * length));

/** Number of symbols of `countingText`: a, b and the end of a line. */
export const COUNTING_SYMBOLS = 3;

/** Endless text of a^n, end of line, b^n, end of line, with n uniform in 1 to `largest` (ctallec/uoro), as class numbers. */
export function countingText(largest: number, random: Rng): Generator<number> {
  requireInteger('largest', largest, 1, 1 << 16);
  requireRng('random', random);
  return counting(largest, random);
}

function* counting(largest: number, random: Rng): Generator<number> {
  while (true) {
    const n = 1 + random.integer(largest);
    for (const letter of [0, 1]) {
      for (let i = 0; i < n; i++) yield letter;
      yield 2;
    }
  }
}

/** Entropy of `countingText` in bits per character: log2(largest) for each n, over 2 n + 2 characters on average. */
export const countingEntropy = (largest: number): number => Math.log2(largest) / (largest + 3);

/** Steps whose input is a character and whose target is the next one. */
export function* nextCharacter(text: Iterable<number>, symbols: number): Generator<StepData> {
  let last: number | null = null;
  for (const now of text) {
    if (last !== null) yield { input: oneHot([last], symbols), target: Int32Array.of(now) };
    last = now;
  }
}

/**
 * The adding task (Hochreiter & Schmidhuber 1997): values in [0, 1), two of them marked, one in each half; the target at the end is
 * their sum. A constant output of 1 has a mean squared error of 1/6.
 */
export function addingTask(steps: number, batchSize: number, random: Rng): Sequences {
  requireInteger('steps', steps, 2, 1 << 20);
  requireRows(batchSize, steps, 2, 'batchSize');
  requireRng('random', random);
  const inputs = Array.from({ length: steps }, () => new Float32Array(2 * batchSize));
  const target = new Float32Array(batchSize);
  const half = steps >> 1;
  for (let n = 0; n < batchSize; n++) {
    for (const input of inputs) input[2 * n] = random.uniform();
    for (const at of [random.integer(half), half + random.integer(steps - half)]) {
      inputs[at]![2 * n + 1] = 1;
      target[n]! += inputs[at]![2 * n]!;
    }
  }
  return inputs.map((input, t) => ({ input, target: t === steps - 1 ? target : null }));
}

/** Input width of `temporalOrderTask`: X, Y, and 4 distractors. */
export const ORDER_SYMBOLS = 6;

/**
 * The temporal order task (Hochreiter & Schmidhuber 1997, task 6a): X or Y at one step of the second tenth and at one of the sixth,
 * distractors elsewhere; the target at the end is the class of XX, XY, YX, YY (0 to 3).
 */
export function temporalOrderTask(steps: number, batchSize: number, random: Rng): Sequences {
  requireInteger('steps', steps, 10, 1 << 20);
  requireRows(batchSize, steps, ORDER_SYMBOLS, 'batchSize');
  requireRng('random', random);
  const letters = Array.from({ length: steps }, () => Int32Array.from(integers(batchSize, 4, random), (v) => v + 2));
  const target = new Int32Array(batchSize);
  const tenth = Math.floor(steps / 10);
  for (let n = 0; n < batchSize; n++) {
    const [first, second] = [random.integer(2), random.integer(2)];
    letters[tenth + random.integer(tenth)]![n] = first;
    letters[5 * tenth + random.integer(tenth)]![n] = second;
    target[n] = 2 * first + second;
  }
  return letters.map((seen, t) => ({
    input: oneHot(seen, ORDER_SYMBOLS),
    target: t === steps - 1 ? target : null,
  }));
}

/**
 * The "Add" task of Marschall et al. 2020 (arXiv:1907.02649), endless: x is 0 or 1, one-hot; the class y is 1 with probability
 * .5 + .5 x[t - t1] - .25 x[t - t2]. x is 0 before the start.
 */
export function delayedAddTask(
  delays: { readonly t1: number; readonly t2: number },
  rows: number,
  random: Rng,
): Generator<StepData> {
  requireKeys('options', delays, ['t1', 't2']);
  const { t1, t2 } = delays;
  requireInteger('t1', t1, 0, 1 << 16);
  requireInteger('t2', t2, 0, 1 << 16);
  requireRows(rows, Math.max(t1, t2) + 1, 2);
  requireRng('random', random);
  return delayedAdd(t1, t2, rows, random);
}

function* delayedAdd(t1: number, t2: number, rows: number, random: Rng): Generator<StepData> {
  const past: Int32Array[] = []; // x of now first
  const at = (ago: number, n: number): number => past[ago]?.[n] ?? 0;
  while (true) {
    past.unshift(integers(rows, 2, random));
    past.length = Math.min(past.length, Math.max(t1, t2) + 1);
    const target = Int32Array.from({ length: rows }, (_, n) =>
      random.uniform() < 0.5 + 0.5 * at(t1, n) - 0.25 * at(t2, n) ? 1 : 0,
    );
    yield { input: oneHot(past[0]!, 2), target };
  }
}
