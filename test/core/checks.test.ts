/** The checks of arguments at the ends of their ranges, and their suggestions. */
import { describe, expect, test } from '@jest/globals';
import * as checks from '../../src/checks.js';
import { thrown } from '../support/errors.js';

const passes = (act: () => void): boolean => {
  try {
    act();
    return true;
  } catch {
    return false;
  }
};

test('both ends of a range belong to it', () => {
  const integers = [1, 2, 5, 6, 2.5, '2', null].map((v) => passes(() => checks.requireInteger('n', v, 2, 5)));
  expect(integers).toEqual([false, true, true, false, false, false, false]);
  const numbers = [1.9, 2, 3.5, 5, 5.1, '3', Number.NaN].map((v) => passes(() => checks.requireNumber('x', v, 2, 5)));
  expect(numbers).toEqual([false, true, true, true, false, false, false]);
  expect(passes(() => checks.requireNumber('x', Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY))).toBe(false);
});

test('values: both ends belong to the range; integer arrays are checked only if there is one', () => {
  const values = (list: ArrayLike<number>, min?: number, max?: number): boolean =>
    passes(() =>
      checks.requireValues('a', list, { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }),
    );
  expect([values([0, 1], 0, 1), values([-0.1], 0, 1), values([1.1], 0, 1), values([5], 0)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect([values(Int32Array.of(2), 0, 1), values(Int32Array.of(2)), values(Int32Array.of(-1), 0)]).toEqual([
    false,
    true,
    false,
  ]);
  expect([values([Number.NaN]), values([Number.POSITIVE_INFINITY]), values(Float64Array.of(Number.NaN))]).toEqual([
    false,
    false,
    false,
  ]);
  const message = (min: number, max?: number): string =>
    thrown(() => checks.requireValues('a', [0, -9], { min, ...(max !== undefined && { max }) })).message;
  expect(message(-1, 1)).toContain('a[1] must be a finite number, got -9');
  expect(message(0, 1)).toContain('a[1] must be a finite number from 0 to 1, got -9');
  expect(message(0)).toContain('a[1] must be a finite number of at least 0, got -9');
});

test('tokens: 0 and size - 1 are tokens, size is not, and the ignored number is left out', () => {
  const tokens = (list: number[], ignored?: number): boolean =>
    passes(() => checks.requireTokens('t', list, 3, ignored === undefined ? {} : { ignored }));
  expect([tokens([0, 2]), tokens([3]), tokens([-1]), tokens([-1, 1], -1), tokens([0.5])]).toEqual([
    true,
    false,
    false,
    true,
    false,
  ]);
  expect(thrown(() => checks.requireTokens('t', [0, 3], 3)).message).toContain(
    't[1] must be an integer from 0 to 2, got 3',
  );
});

test('logits: each row needs a number above -Infinity, and none is Infinity', () => {
  const never = Number.NEGATIVE_INFINITY;
  const logits = (list: number[]): string | null => {
    try {
      checks.requireLogits('z', list, 2);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect([logits([0, never, never, -5]), logits([])]).toEqual([null, null]);
  expect(logits([0, 1, never, never])).toContain('z[2] must be above -Infinity');
  expect(logits([0, 1, 2, -never])).toContain('z[3] must be');
});

describe('didYouMean', () => {
  const hint = (word: string, ...names: string[]): string => checks.didYouMean(word, names);

  test('suggests the closest name, without regard to case and separators', () => {
    expect(hint('hidden_size', 'hiddenSize', 'inputSize')).toBe(' Did you mean "hiddenSize"?');
    expect(hint('lr', 'learningRate', 'lra')).toBe(' Did you mean "learningRate"?');
    expect(hint('heldout', 'validationSplit', 'heldon')).toBe(' Did you mean "validationSplit"?');
    expect(hint('hidden', 'hiddenSize', 'hiddes')).toBe(' Did you mean "hiddenSize"?');
    expect(hint('restoreBestWeights', 'restoreBest')).toBe(' Did you mean "restoreBest"?');
  });

  test('suggests nothing that is too far away', () => {
    expect([hint('abc', 'abd'), hint('abc', 'axy')]).toEqual([' Did you mean "abd"?', '']);
    expect([hint('abcd', 'abxy'), hint('abcd', 'axyz')]).toEqual([' Did you mean "abxy"?', '']);
    expect([hint('abcdefghi', 'abcdefxyz'), hint('abcdefghi', 'abcdewxyz')]).toEqual([
      ' Did you mean "abcdefxyz"?',
      '',
    ]);
    expect([hint('x'), hint('x'.repeat(60), 'y'.repeat(60))]).toEqual(['', '']);
    expect(hint('kitten', 'sitting')).toBe(''); // three edits of six letters
  });

  test('can show the name in another way', () => {
    expect(checks.didYouMean('sed', ['seed'], (name) => `--${name}`)).toBe(' Did you mean --seed?');
  });
});

test('shown: long values are cut, and every value has a text', () => {
  expect(checks.shown('x'.repeat(98))).toBe(`"${'x'.repeat(98)}"`);
  expect(checks.shown('x'.repeat(99))).toBe(`"${'x'.repeat(96)}...`);
  expect([checks.shown(Number.NaN), checks.shown(undefined), checks.shown(3n), checks.shown(null)]).toEqual([
    'NaN',
    'undefined',
    '3',
    'null',
  ]);
  expect(checks.shown(function named() {})).toBe('a function named()');
  expect(checks.shown(new Float32Array(3))).toBe('a Float32Array of 12 bytes');
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(checks.shown(loop)).toBe('an object that JSON cannot show');
});

test('requireOptional, requireChoice and requireKeys say what is expected', () => {
  const message = (act: () => void): string => thrown(act).message;
  for (const [value, type] of [
    [undefined, 'boolean'],
    [true, 'boolean'],
    ['a', 'string'],
  ] as const) {
    expect(passes(() => checks.requireOptional('o', value, type))).toBe(true);
  }
  expect(message(() => checks.requireOptional('o', 0, 'boolean'))).toContain('o must be a boolean, got 0.');
  expect(message(() => checks.requireOptional('o', '', 'string'))).toContain('o must not be empty.');
  expect(message(() => checks.requireChoice('c', 'x', ['a1', 'b1', 'c1']))).toContain(
    "c must be 'a1', 'b1' or 'c1', got \"x\".",
  );
  expect(message(() => checks.requireChoice('c', 1, ['a1']))).toContain("c must be 'a1', got 1.");
  expect(message(() => checks.requireKeys('k', { b: 1 }, ['a']))).toContain('k.b: unknown setting.');
  expect(message(() => checks.requireKeys('k', { b: 1 }, []))).toContain('It has no settings.');
  expect(message(() => checks.requireKeys('k', new Uint8Array(1), ['0']))).toContain('k must be an object');
  expect(passes(() => checks.requireOptions('k', undefined, []))).toBe(true);
  expect(passes(() => checks.requireOptions('k', null, []))).toBe(false);
});

test('kinds of values', () => {
  class Own {}
  const values = [{}, Object.create(null), new Own(), [], null, new Map(), () => 1, Own, 'a'];
  expect(values.map((v) => checks.isObject(v))).toEqual([true, true, true, false, false, true, false, false, false]);
  expect(values.map((v) => checks.isPlainObject(v))).toEqual([true, true, ...new Array(7).fill(false)]);
  expect(values.map((v) => checks.isMap(v))).toEqual([...new Array(5).fill(false), true, false, false, false]);
  expect(values.map((v) => checks.isFunction(v))).toEqual([...new Array(6).fill(false), true, false, false]);
  expect([checks.isKeyOf({ a: 1 }, 'a'), checks.isKeyOf({ a: 1 }, 'toString'), checks.isKeyOf({}, 1)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(checks.shown(Own)).toBe('a class Own()');
});
