/** The tasks: what must be recalled and when, the loss of a guess without memory, and reproducibility from a seed. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import {
  addingTask,
  aicherBaseline,
  aicherCopy,
  copyTask,
  copyWidth,
  countingEntropy,
  countingText,
  delayedAddTask,
  delayedCopyTask,
  nextCharacter,
  oneHot,
  rowOf,
  stepsToBatch,
  temporalOrderTask,
} from '../../src/lab/tasks.js';

const rng = (seed = 1) => createRng(seed, 'data');

function take<T>(source: Iterable<T>, count: number): T[] {
  const all: T[] = [];
  for (const one of source) if (all.push(one) === count) break;
  return all;
}

/** The class of each row. */
function classes(input: ArrayLike<number>, width: number): number[] {
  return Array.from({ length: input.length / width }, (_, n) => {
    const row = Array.from({ length: width }, (_, k) => input[n * width + k]!);
    const ones = row.filter((v) => v === 1).length;
    if (ones !== 1 || row.some((v) => v !== 0 && v !== 1)) throw new Error(`${row.join(' ')} is not one-hot`);
    return row.indexOf(1);
  });
}

test('rows of sequences are the sequences of the rows', () => {
  const all = copyTask({ symbols: 3, length: 2 }, 4, rng());
  const one = rowOf(all, 4, 2);
  for (const [t, { input, target }] of one.entries()) {
    expect(classes(input, 5)).toEqual([classes(all[t]!.input, 5)[2]]);
    expect(target && [...Array.from(target)]).toEqual(all[t]!.target && [all[t]!.target![2]]);
    expect(target === null || target instanceof Int32Array).toBe(true);
  }
});

test('a delay line: each letter is due exactly `lag` steps after it was shown', () => {
  const [symbols, length, every, lag] = [3, 5, 4, 10];
  const all = delayedCopyTask({ symbols, length, every, lag }, 2, rng());
  expect(all).toHaveLength((length - 1) * every + lag + 1);
  const at = (t: number, row: number) =>
    Array.from(all[t]!.input)
      .slice(row * 5, (row + 1) * 5)
      .indexOf(1);
  for (let k = 0; k < length; k++) {
    for (const row of [0, 1]) {
      expect(at(k * every, row)).toBeLessThan(symbols);
      expect(at(k * every + lag, row)).toBe(symbols + 1);
      expect(all[k * every + lag]!.target![row]).toBe(at(k * every, row));
    }
  }
  expect(all.filter(({ target }) => target)).toHaveLength(length);
  expect(() => delayedCopyTask({ symbols, length, every, lag: 12 }, 2, rng())).toThrow(
    /^lag is 12, a multiple of every = 4/,
  );
});

describe('copy', () => {
  const shape = { symbols: 4, length: 5, lag: 7 };
  const all = copyTask(shape, 3, rng());
  test('each letter is due length + lag steps after it was shown, at the signal', () => {
    expect(all).toHaveLength(17);
    for (let k = 0; k < 5; k++) {
      expect(Array.from(all[12 + k]!.target!)).toEqual(classes(all[k]!.input, 6));
      expect(classes(all[12 + k]!.input, 6)).toEqual([5, 5, 5]);
    }
    for (const { input, target } of all.slice(5, 12)) {
      expect(classes(input, 6)).toEqual([4, 4, 4]);
      expect(target).toBeNull();
    }
  });
  test('the same seed gives the same data, another seed gives other data', () => {
    expect(copyTask(shape, 3, rng())).toEqual(all);
    expect(copyTask(shape, 3, rng(2))).not.toEqual(all);
  });
  test('letters are equally likely', () => {
    const counts = new Array<number>(4).fill(0);
    for (const { target } of copyTask({ symbols: 4, length: 100 }, 100, rng())) {
      for (const letter of Array.from(target ?? [])) counts[letter]!++;
    }
    for (const count of counts) expect(Math.abs(count / 10_000 - 0.25)).toBeLessThan(0.02);
  });
  test.each([
    [{ symbols: 1, length: 5 }, 'symbols'],
    [{ symbols: 2, length: 0 }, 'length'],
    [{ symbols: 2, length: 1, lag: -1 }, 'lag'],
  ])('%j is rejected', (wrong, path) => {
    expect(() => copyTask(wrong, 1, rng())).toThrow(path);
  });
});

describe("Aicher's copy task", () => {
  test('10 symbols, then the same as outputs, and again', () => {
    const all = take(aicherCopy(10, 2, rng()), 60);
    for (let from = 0; from < 60; from += 20) {
      for (let k = 0; k < 10; k++) {
        const seen = classes(all[from + k]!.input, 5);
        expect(Array.from(all[from + 10 + k]!.target!)).toEqual(seen);
        expect(seen.every((v) => (k === 0 ? v === 4 : v < 4))).toBe(true);
        expect(Array.from(all[from + k]!.target!)).toEqual([4, 4]);
        expect(classes(all[from + 10 + k]!.input, 5)).toEqual([4, 4]);
      }
    }
  });
  test("perplexity without memory: the papers' 1.866 with 9 letters, 1.878 with 10", () => {
    expect(aicherBaseline(10)).toBeCloseTo(1.866, 3);
    expect(aicherBaseline(11)).toBeCloseTo(1.878, 3);
  });
});

describe('a^n b^n', () => {
  const text = take(countingText(32, rng()), 70_000);
  const lines = text
    .map((c) => 'ab\n'[c])
    .join('')
    .split('\n')
    .slice(0, -1);
  const pairs = Array.from({ length: lines.length >> 1 }, (_, i) => [lines[2 * i]!, lines[2 * i + 1]!] as const);
  test('each line of b is as long as the line of a before it', () => {
    for (const [a, b] of pairs) expect([a, b]).toEqual(['a'.repeat(a.length), 'b'.repeat(a.length)]);
  });
  test('n is uniform, .143 bits per character', () => {
    const counts = new Array<number>(33).fill(0);
    for (const [a] of pairs) counts[a.length]!++;
    expect(counts[0]).toBe(0);
    const shares = counts.slice(1).map((count) => count / pairs.length);
    const entropy = -shares.reduce((sum, p) => sum + p * Math.log2(p), 0);
    expect(entropy).toBeGreaterThan(4.95);
    expect((entropy * pairs.length) / pairs.join('').length).toBeLessThan(0.2);
    expect(countingEntropy(32)).toBeCloseTo(0.143, 3);
    expect((5 * pairs.length) / 70_000).toBeCloseTo(countingEntropy(32), 2);
  });
  test('each character is the target of the step before', () => {
    const steps = take(nextCharacter(text, 3), 100);
    for (const [t, { input, target }] of steps.entries()) {
      expect([classes(input, 3)[0], target![0]]).toEqual([text[t], text[t + 1]]);
    }
  });
});

describe('adding', () => {
  const all = addingTask(40, 500, rng());
  test('the sum of the two marked values, one in each half', () => {
    for (let n = 0; n < 500; n++) {
      const marked = all.flatMap(({ input }, t) => (input[2 * n + 1] === 1 ? [t] : []));
      expect(marked).toHaveLength(2);
      expect(marked[0]! < 20 && marked[1]! >= 20).toBe(true);
      const sum = marked.reduce((total, t) => total + all[t]!.input[2 * n]!, 0);
      expect(all[39]!.target![n]).toBeCloseTo(sum, 6);
    }
    expect(all.slice(0, -1).every(({ target }) => target === null)).toBe(true);
  });
  test('a constant output of 1 has an error of 1/6', () => {
    const errors = Array.from(all[39]!.target!, (v) => (v - 1) ** 2);
    expect(errors.reduce((a, b) => a + b, 0) / 500).toBeCloseTo(1 / 6, 1);
  });
});

test('temporal order: the class of the two marks, wherever they are', () => {
  const all = temporalOrderTask(59, 200, rng());
  const seen = new Set<number>();
  const rows = all.map(({ input }) => classes(input, 6));
  for (let n = 0; n < 200; n++) {
    const marks = rows.flatMap((row, t) => (row[n]! < 2 ? [{ t, letter: row[n]! }] : []));
    expect(marks).toHaveLength(2);
    const [first, second] = marks as [(typeof marks)[0], (typeof marks)[0]];
    expect(first.t >= 5 && first.t < 10 && second.t >= 25 && second.t < 30).toBe(true);
    expect(all[58]!.target![n]).toBe(2 * first.letter + second.letter);
    seen.add(all[58]!.target![n]!);
  }
  expect(seen.size).toBe(4);
  expect(all.slice(0, -1).every(({ target }) => target === null)).toBe(true);
  expect(new Set(rows.flat())).toEqual(new Set([0, 1, 2, 3, 4, 5]));
});

describe("Marschall's Add", () => {
  const [T, N] = [400, 100];
  const all = take(delayedAddTask({ t1: 2, t2: 4 }, N, rng()), T);
  const x = all.map(({ input }) => classes(input, 2));
  /** Entropy of y in nats, given `known`. */
  const nats = (known: (t: number, n: number) => number): number => {
    const counts = new Map<number, [number, number]>();
    for (let t = 4; t < T; t++) {
      for (let n = 0; n < N; n++) {
        const key = known(t, n);
        const both = counts.get(key) ?? [0, 0];
        both[all[t]!.target![n]!]!++;
        counts.set(key, both);
      }
    }
    let sum = 0;
    for (const both of counts.values()) {
      for (const count of both) if (count > 0) sum -= count * Math.log(count / (both[0] + both[1]));
    }
    return sum / ((T - 4) * N);
  };
  test('.662 nats without memory, .519 with t1, .454 with both', () => {
    expect(nats(() => 0)).toBeCloseTo(0.662, 2);
    expect(nats((t, n) => x[t - 2]![n]!)).toBeCloseTo(0.519, 2);
    expect(nats((t, n) => x[t - 2]![n]! + 2 * x[t - 4]![n]!)).toBeCloseTo(0.454, 2);
  });
  test('the current input has no information', () => {
    expect(nats((t, n) => x[t]![n]!)).toBeCloseTo(0.662, 2);
  });
});

describe('a batch of steps', () => {
  const steps = (...list: [input: unknown, target?: unknown][]) =>
    list.map(([input, target = null]) => ({ input, target })) as never;

  test('of classes, of several values, and without targets', () => {
    expect(stepsToBatch(steps([[1, 2], null], [[3, 4], Int32Array.of(5, 6)], [[7, 8], null]), 2)).toEqual({
      ...{ steps: 3, batchSize: 2, inputs: Float32Array.of(1, 2, 3, 4, 7, 8) },
      ...{ targets: Int32Array.of(0, 0, 5, 6, 0, 0), weights: Float32Array.of(0, 0, 1, 1, 0, 0) },
    });
    const { targets } = stepsToBatch(
      steps(
        [[1, 2]],
        [
          [3, 4],
          [5, 6, 7, 8],
        ],
      ),
      2,
    );
    expect(targets).toEqual(Float32Array.of(0, 0, 0, 0, 5, 6, 7, 8));
    const none = stepsToBatch(steps([[1, 2]], [[3, 4]]), 1);
    expect([none.inputs, none.targets, none.weights]).toEqual([
      Float32Array.of(1, 2, 3, 4),
      new Int32Array(2),
      new Float32Array(2),
    ]);
  });

  test.each<[string, never, number]>([
    ['sequence must be a list of steps', 5 as never, 1],
    ['sequences must have at least one step.', [] as never, 1],
    ['sequences[1].input[0] must be a finite number', steps([[1]], [[Number.NaN]]), 1],
    ['sequences[1].input must have shape [1], got [2]', steps([[1]], [[1, 2]]), 1],
    ['sequences[0].target[1] must be a finite number', steps([[1], [1, Number.NaN]]), 1],
    ['sequences[2].target must have shape [1], got [2]', steps([[1]], [[1], [1]], [[1], [1, 2]]), 1],
    ['sequences[0].input.length / batchSize must be an integer from 1 to 16777216, got 1.5', steps([[1, 2, 3]]), 2],
    [
      'numbers of a target / batchSize must be an integer from 1 to 16777216, got 1.5',
      steps([
        [1, 2],
        [1, 2, 3],
      ]),
      2,
    ],
  ])('%s', (message, list, batchSize) => {
    expect(() => stepsToBatch(list, batchSize)).toThrow(message);
  });
});

describe('tasks refuse', () => {
  const rows = 2 ** 20;
  const delays = { symbols: 2, length: 9, every: 16, lag: 127 };
  test.each<[string, () => unknown]>([
    [
      'rows * steps * width must be an integer from 1 to 268435456, got 536870912',
      () => copyTask({ symbols: 2, length: 60, lag: 8 }, rows, rng()),
    ],
    [
      'rows * steps * width must be an integer from 1 to 268435456, got 1073741824',
      () => delayedCopyTask(delays, rows, rng()),
    ],
    [
      'batchSize * steps * width must be an integer from 1 to 268435456, got 536870912',
      () => addingTask(256, rows, rng()),
    ],
    [
      'batchSize * steps * width must be an integer from 1 to 268435456, got 1610612736',
      () => temporalOrderTask(256, rows, rng()),
    ],
    [
      'rows * steps * width must be an integer from 1 to 268435456, got 536870912',
      () => delayedAddTask({ t1: 255, t2: 3 }, rows, rng()),
    ],
    [
      'rows * steps * width must be an integer from 1 to 268435456, got 536870912',
      () => delayedAddTask({ t1: 3, t2: 255 }, rows, rng()),
    ],
    ['options must be an object, got 3', () => copyWidth(3 as never)],
  ])('%s', (message, act) => {
    expect(act).toThrow(message);
  });

  test.each<[string, (random: never) => unknown]>([
    ['copy', (random) => copyTask({ symbols: 2, length: 1 }, 1, random)],
    ['delayed copy', (random) => delayedCopyTask({ symbols: 2, length: 1, every: 2, lag: 1 }, 1, random)],
    ['counting', (random) => countingText(3, random)],
    ['adding', (random) => addingTask(4, 1, random)],
    ['temporal order', (random) => temporalOrderTask(10, 1, random)],
    ['delayed add', (random) => delayedAddTask({ t1: 1, t2: 2 }, 1, random)],
  ])('%s without a generator of random numbers', (_, make) => {
    expect(() => make({} as never)).toThrow(/^random\.uniform must be a function/);
  });

  test('no unknown options', () => {
    const more = { symbols: 2, length: 1, every: 2, lag: 1, more: 1 };
    expect(() => delayedCopyTask(more, 1, rng())).toThrow(/^options.more/);
  });
});

test('copy without a lag: the letters, then the signals', () => {
  expect(copyTask({ symbols: 2, length: 2 }, 1, rng()).map(({ target }) => target !== null)).toEqual([
    ...[false, false, true, true],
  ]);
});

test('oneHot', () => {
  expect([...oneHot([1, 0], 3)]).toEqual([0, 1, 0, 1, 0, 0]);
});
