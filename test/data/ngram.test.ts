/** Kneser-Ney n-grams against a simple implementation with string keys, and against known values for Moby-Dick. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { ngramBitsPerCharacter } from '../../src/data/ngram.js';
import { UnspoolError } from '../../src/errors.js';

/** The definition, with counts in maps from strings of tokens. */
class BruteForce {
  private readonly counts: Map<string, number>[] = [];

  constructor(
    private readonly train: readonly number[],
    private readonly vocabularySize: number,
    private readonly order: number,
  ) {
    for (let m = 1; m <= order; m++) this.counts[m] = m === order ? this.occurrences(m) : this.continuations(m);
  }

  private grams(m: number): number[][] {
    return this.train.map((_, i) => this.train.slice(i, i + m)).filter((gram) => gram.length === m);
  }

  private occurrences(m: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (const gram of this.grams(m)) counts.set(gram.join(), (counts.get(gram.join()) ?? 0) + 1);
    return counts;
  }

  /** Number of different tokens that precede each m-gram. */
  private continuations(m: number): Map<string, number> {
    const before = new Map<string, Set<number>>();
    for (const [first, ...rest] of this.grams(m + 1)) {
      before.set(rest.join(), (before.get(rest.join()) ?? new Set()).add(first!));
    }
    return new Map([...before].map(([gram, tokens]) => [gram, tokens.size]));
  }

  private discount(m: number): number {
    const all = [...this.counts[m]!.values()];
    const n1 = all.filter((c) => c === 1).length;
    const n2 = all.filter((c) => c === 2).length;
    return n1 === 0 ? 0.5 : n1 / (n1 + 2 * n2);
  }

  probability(token: number, history: readonly number[], m = this.order): number {
    if (m === 0) return 1 / this.vocabularySize;
    const lower = this.probability(token, history, m - 1);
    if (history.length < m - 1) return lower;
    const context = history.slice(history.length - (m - 1));
    const after = Array.from({ length: this.vocabularySize }, (_, w) => {
      return this.counts[m]!.get([...context, w].join()) ?? 0;
    });
    const total = after.reduce((sum, c) => sum + c, 0);
    if (total === 0) return lower;
    const D = this.discount(m);
    const kinds = after.filter((c) => c > 0).length;
    return (Math.max(after[token]! - D, 0) + D * kinds * lower) / total;
  }

  bits(tested: readonly number[]): number {
    const history = [...this.train];
    let sum = 0;
    for (const token of tested) {
      sum -= Math.log2(this.probability(token, history));
      history.push(token);
    }
    return sum / tested.length;
  }
}

/** A text in which small tokens are frequent and repeat, so that all orders have structure to learn. */
function randomText(seed: number, length: number, vocabularySize: number): number[] {
  const rng = createRng(seed, 'n-gram test');
  const text: number[] = [];
  for (let i = 0; i < length; i++) {
    const copied = text[i - 1 - rng.integer(6)];
    text.push(copied !== undefined && rng.uniform() < 0.5 ? copied : rng.integer(1 + rng.integer(vocabularySize)));
  }
  return text;
}

const bits = (train: readonly number[], tested: readonly number[], V: number, order: number): number =>
  ngramBitsPerCharacter(Int32Array.from(train), Int32Array.from(tested), V, order);

describe('the simple implementation gives the same bits', () => {
  for (const V of [1, 2, 5, 30, 500]) {
    for (const order of [1, 2, 3, 5, 8]) {
      test(`vocabulary of ${V}, order ${order}`, () => {
        for (const [seed, length] of [3, 10, 400].entries()) {
          const train = randomText(seed, length, V);
          const tested = randomText(seed + 100, 40, V);
          expect(bits(train, tested, V, order)).toBeCloseTo(new BruteForce(train, V, order).bits(tested), 10);
        }
      });
    }
  }

  test('with more n-grams than the initial size of the tables', () => {
    const train = randomText(7, 6000, 3000);
    const tested = randomText(8, 5, 3000);
    expect(bits(train, tested, 3000, 4)).toBeCloseTo(new BruteForce(train, 3000, 4).bits(tested), 10);
  });

  test('with tokens and contexts that do not occur in training', () => {
    const train = [0, 1, 0, 1, 2, 0, 1, 0];
    const tested = [1, 4, 3, 0, 1, 4, 4];
    for (const order of [1, 2, 3, 4]) {
      const value = bits(train, tested, 5, order);
      expect(Number.isFinite(value)).toBe(true);
      expect(value).toBeCloseTo(new BruteForce(train, 5, order).bits(tested), 12);
    }
  });
});

describe('probabilities', () => {
  test('sum to 1 over the vocabulary in known and unknown contexts', () => {
    const V = 40;
    const train = randomText(1, 300, V - 5); // the last 5 tokens never occur
    const contexts = [[], [train[10]!, train[11]!, train[12]!, train[13]!], [3, 39, 0, 1], [39, 38, 37, 36], [0, 0, 0]];
    for (const order of [1, 2, 3, 5]) {
      for (const context of contexts) {
        const before = context.length === 0 ? 0 : bits(train, context, V, order) * context.length;
        let sum = 0;
        for (let w = 0; w < V; w++) {
          sum += 2 ** (before - bits(train, [...context, w], V, order) * (context.length + 1));
        }
        expect(sum).toBeCloseTo(1, 10);
      }
    }
  });

  test('order 1 is the relative frequency if training has every token', () => {
    expect(bits([0, 0, 0, 1], [0, 1], 2, 1)).toBeCloseTo(-(Math.log2(3 / 4) + Math.log2(1 / 4)) / 2, 12);
  });

  test('an unseen token has a positive probability even if no count is 1', () => {
    // Counts 2 and 2, so n1 = 0 and D = 1/2: p(2) = (1/2 * 2 kinds * 1/3) / 4.
    expect(bits([0, 0, 1, 1], [2], 3, 1)).toBeCloseTo(-Math.log2(1 / 12), 12);
  });

  test('bigrams of "abab", computed manually', () => {
    // Bigrams ab 2, ba 1: D = 1/3. Each letter has one kind of predecessor: D = 1, so p_1 is uniform, 1/2.
    // After the final b of training: p(a) = (1 - 1/3 + 1/3 * 1/2) / 1 = 5/6.
    expect(bits([0, 1, 0, 1], [0], 2, 2)).toBeCloseTo(-Math.log2(5 / 6), 12);
    expect(bits([0, 1, 0, 1], [1], 2, 2)).toBeCloseTo(-Math.log2(1 / 6), 12);
  });
});

describe('edges', () => {
  test('without training the distribution is uniform', () => {
    for (const order of [1, 2, 5, 8]) expect(bits([], [0, 3, 3, 1], 7, order)).toBeCloseTo(Math.log2(7), 12);
  });

  test('training may be shorter than the order', () => {
    for (const order of [1, 2, 3, 8]) {
      const value = bits([1, 0], [1, 0, 1], 3, order);
      expect(value).toBeCloseTo(new BruteForce([1, 0], 3, order).bits([1, 0, 1]), 12);
    }
  });

  test('a vocabulary of one token has 0 bits', () => {
    expect(bits([0, 0, 0], [0, 0], 1, 3)).toBeCloseTo(0, 12);
  });

  test('does not change its arguments and accepts views', () => {
    const text = Int32Array.from(randomText(2, 200, 6));
    const copy = text.slice();
    const value = ngramBitsPerCharacter(text.subarray(0, 150), text.subarray(150), 6, 3);
    expect(text).toEqual(copy);
    expect(value).toBe(ngramBitsPerCharacter(text.slice(0, 150), text.slice(150), 6, 3));
  });

  test.each([
    ['an empty test part', () => bits([0, 1], [], 2, 2), 'INVALID_DATA'],
    ['a training token out of range', () => bits([0, 2], [0], 2, 2), 'INVALID_DATA'],
    ['a negative test token', () => bits([0, 1], [-1], 2, 2), 'INVALID_DATA'],
    ['order 0', () => bits([0, 1], [0], 2, 0), 'INVALID_SETTING'],
    ['order 2.5', () => bits([0, 1], [0], 2, 2.5), 'INVALID_SETTING'],
    ['a vocabulary of 0', () => bits([], [0], 0, 1), 'INVALID_SETTING'],
  ])('%s is refused', (_, call, code) => {
    expect(call).toThrow(UnspoolError);
    expect(call).toThrow(expect.objectContaining({ code }));
  });
});

describe('Moby-Dick, last tenth', () => {
  let train: Int32Array;
  let tested: Int32Array;
  let size: number;

  beforeAll(() => {
    const characters = [...readFileSync(join(__dirname, '../../data/moby-dick.txt'), 'utf8')];
    const numbers = new Map([...new Set(characters)].map((c, i) => [c, i]));
    const tokens = Int32Array.from(characters, (c) => numbers.get(c)!);
    const cut = Math.floor(tokens.length * 0.9);
    [train, tested, size] = [tokens.subarray(0, cut), tokens.subarray(cut), numbers.size];
  });

  test('the text is the one that the expected values were measured on', () => {
    expect([train.length + tested.length, size]).toEqual([1_190_317, 83]);
  });

  // Measured with numpy, by sorting packed n-grams: 4.4977, 3.5521, 2.1962, 2.1508, 2.1605.
  test.each([
    [1, 4.497714],
    [2, 3.552106],
    [5, 2.19616],
    [6, 2.150783],
    [7, 2.160513],
  ])('order %d: %d bits per character', (order, known) => {
    expect(ngramBitsPerCharacter(train, tested, size, order)).toBeCloseTo(known, 5);
  });
});
