/** Metrics against values computed manually, and their invariants. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bitsPerCharacter, ClassificationMetrics, perplexity } from '../../src/metrics/classification.js';
import { RegressionMetrics } from '../../src/metrics/regression.js';
import { problemOf, thrown } from '../support/errors.js';
import { integer, testRanges } from '../support/ranges.js';

/** Logits whose largest is at `predicted`. */
const logitsOf = (predicted: number, C = 3): number[] =>
  Array.from({ length: C }, (_, k) => (k === predicted ? 2 : -k / 10));

describe('classification', () => {
  const pairs = [
    [0, 0],
    [0, 1],
    [1, 1],
    [1, 1],
    [2, 0],
    [2, 2],
    [2, 2],
  ] as const; // target, predicted
  const measured = () =>
    new ClassificationMetrics(3, { topK: 2 }).add(
      pairs.flatMap(([, s]) => logitsOf(s)),
      pairs.map(([t]) => t),
    );

  test('all metrics match values computed manually', () => {
    const c = measured();
    expect(c.matrix).toEqual([
      [1, 1, 0],
      [0, 2, 0],
      [1, 0, 2],
    ]);
    expect(c.accuracy).toBeCloseTo(5 / 7, 15);
    const [zero, one, two] = c.scores;
    expect(zero).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5, support: 2 });
    expect(one!.precision).toBeCloseTo(2 / 3, 15);
    expect(one!.f1).toBeCloseTo(0.8, 15);
    expect(two).toEqual({ precision: 1, recall: 2 / 3, f1: 0.8, support: 3 });
    expect(c.f1('macro')).toBeCloseTo((0.5 + 0.8 + 0.8) / 3, 15);
    expect(c.f1('weighted')).toBeCloseTo((2 * 0.5 + 2 * 0.8 + 3 * 0.8) / 7, 15);
    expect(c.f1('micro')).toBe(c.accuracy);
    expect(c.topKAccuracy).toBeCloseTo(6 / 7, 15); // only target 2, predicted 0, is third: the order is 0, 1, 2
    expect(c.toString(['a', 'b', 'cc'])).toBe('    a  b  cc\n a  1  1   0\n b  0  2   0\ncc  1  0   2');
  });

  test('equal logits have cross-entropy log C and perplexity C', () => {
    const c = new ClassificationMetrics(8).add(new Array<number>(16).fill(0.3), [5, 0]);
    expect(c.crossEntropy).toBeCloseTo(Math.log(8), 12);
    expect(c.perplexity).toBeCloseTo(8, 12);
    expect(c.bits).toBeCloseTo(3, 12);
  });

  test('ignored rows are not counted, and classes that never occur are not averaged', () => {
    const c = new ClassificationMetrics(5).add([...logitsOf(1, 5), ...logitsOf(2, 5)], [1, -1]);
    expect([c.count, c.accuracy, c.f1()]).toEqual([1, 1, 1]);
  });

  test('adding batches in any order equals adding all rows together', () => {
    const row = fc.tuple(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 }),
      fc.nat(3),
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 20 }), fc.nat(), (rows, cut) => {
        const add = (list: typeof rows, c = new ClassificationMetrics(4)) =>
          c.add(
            list.flatMap(([z]) => z),
            list.map(([, t]) => t),
          );
        const whole = add(rows);
        const at = cut % rows.length;
        const parts = add(rows.slice(0, at), add(rows.slice(at)));
        expect(parts.matrix).toEqual(whole.matrix);
        expect(parts.crossEntropy).toBeCloseTo(whole.crossEntropy, 10);
        expect(parts.topKAccuracy).toBe(whole.topKAccuracy);
        for (const v of [whole.accuracy, whole.f1(), whole.f1('weighted')]) expect(v >= 0 && v <= 1).toBe(true);
      }),
    );
  });

  test('a class that is never right has F1 0, which lowers the macro average', () => {
    const c = new ClassificationMetrics(3).add(
      [...logitsOf(1), ...logitsOf(1), ...logitsOf(2), ...logitsOf(2)],
      [0, 1, 2, 2],
    );
    expect(c.scores[0]).toEqual({ precision: 0, recall: 0, f1: 0, support: 1 });
    expect(c.f1('macro')).toBeCloseTo((0 + 2 / 3 + 1) / 3, 15);
    expect(c.f1('weighted')).toBeCloseTo((0 + 2 / 3 + 2 * 1) / 4, 15);
  });

  test('many classes need memory for those that occur only', () => {
    const C = 100_000;
    const c = new ClassificationMetrics(C).add(logitsOf(7, C), [7]).add(logitsOf(8, C), [70_000]);
    expect([c.accuracy, c.count, c.f1('micro')]).toEqual([0.5, 2, 0.5]);
    expect(c.f1()).toBeCloseTo(1 / 3, 15);
    expect(c.scores[70_000]).toEqual({ precision: 0, recall: 0, f1: 0, support: 1 });
    expect(c.scores[7]).toEqual({ precision: 1, recall: 1, f1: 1, support: 1 });
    expect(c.scores[8]).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
    expect(c.scores).toHaveLength(C);
    expect(thrown(() => c.matrix).message).toContain(
      'is for at most 4096 classes, got 100000: it would have 10000000000 entries.',
    );
    expect(new ClassificationMetrics(1 << 24).count).toBe(0);
  });

  testRanges([
    ['classes', integer(1, 16777216), (classes) => new ClassificationMetrics(classes)],
    ['topK', integer(1, 16777216), (topK) => new ClassificationMetrics(3, { topK })],
    ['ignoreIndex', integer(-2147483648, 2147483647), (ignoreIndex) => new ClassificationMetrics(3, { ignoreIndex })],
  ]);

  test('top-k accuracy is for the five largest logits by default, and equal logits count for the target', () => {
    const c = new ClassificationMetrics(7);
    for (const target of [0, 4, 5, 6]) c.add([7, 6, 5, 4, 3, 2, 1], [target]);
    expect([c.topK, c.topKAccuracy, c.accuracy]).toEqual([5, 0.5, 0.25]);
    const tied = new ClassificationMetrics(3, { topK: 1 }).add([2, 2, 2], [2]);
    expect([tied.topKAccuracy, tied.accuracy, tied.matrix[2]]).toEqual([1, 0, [1, 0, 0]]);
  });

  test('a row of weight 2 counts as two rows, and one of weight 0 not at all', () => {
    const weights = [2, 1, 0, 1, 3, 1, 0.5, 0.5];
    const rows = [...pairs, [0, 2]] as const;
    const said = (list: readonly (readonly [number, number])[], w?: number[]) =>
      new ClassificationMetrics(3, { topK: 2 }).add(
        list.flatMap(([, s]) => logitsOf(s)),
        list.map(([t]) => t),
        w,
      );
    const weighted = said(rows, weights);
    const repeated = said(rows.flatMap((row, i) => Array.from({ length: weights[i]! * 2 }, () => row)));
    expect(weighted.count).toBe(9);
    expect(weighted.matrix.map((row) => row.map((n) => n * 2))).toEqual(repeated.matrix);
    for (const name of ['accuracy', 'topKAccuracy', 'crossEntropy'] as const) {
      expect([name, weighted[name]]).toEqual([name, expect.closeTo(repeated[name], 12)]);
    }
    for (const average of ['macro', 'weighted'] as const) {
      expect(weighted.f1(average)).toBeCloseTo(repeated.f1(average), 12);
    }
    const nothing = new ClassificationMetrics(3).add([Number.NaN, 0, 0], [7], [0]);
    expect(nothing.count).toBe(0);
    expect(thrown(() => said(rows, [1, 2, 3, 4])).code).toBe('INVALID_DATA');
    expect(thrown(() => said(rows, [1, 2, 3])).code).toBe('SHAPE_MISMATCH');
  });

  test('f1 refuses another average, and toString other names than one for each class', () => {
    expect(thrown(() => measured().f1('mean' as never)).message).toContain('average must be');
    for (const names of [['a', 'b'], ['a', 'b', 3], 'abc']) {
      expect(thrown(() => measured().toString(names as never)).message).toContain('names must be a list of 3 names');
    }
    expect(measured().toString()).toBe('   0  1  2\n0  1  1  0\n1  0  2  0\n2  1  0  2');
  });

  test.each([
    ['classes', 0, {}],
    ['classes', 1.5, {}],
    ['classes', Number.NaN, {}],
    ['classes', (1 << 24) + 1, {}],
    ['topK', 3, { topK: 0 }],
    ['ignoreIndex', 3, { ignoreIndex: null }],
    ['options.k', 3, { k: 2 }],
  ])('%s: %p, %j', (path, classes, options) => {
    const error = thrown(() => new ClassificationMetrics(classes as number, options as object));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  });

  test.each([
    [[Number.NaN, 1, 2], [0], 'logits[0]'],
    [[0, 1, 2, 3, Number.NaN, 5], [0, 1], 'logits[4]'],
    [[0, Number.POSITIVE_INFINITY, 2], [0], 'logits[1]'],
    [[0, null, 2], [0], 'logits[1]'],
    [[0, 1, 2], [undefined], 'targets[0]'],
    [[0, 1, 2], [0.5], 'targets[0]'],
    [[0, 1, 2], ['1'], 'targets[0]'],
    [new BigInt64Array(3), [0], 'logits'],
    [[0, 1, 2], null, 'targets'],
    [null, [0], 'logits'],
  ])('add refuses %p and %p, and adds nothing', (logits, targets, what) => {
    const c = new ClassificationMetrics(3);
    const error = thrown(() => c.add(logits as number[], targets as number[]));
    expect(problemOf(error, 'INVALID_DATA').what).toBe(what);
    expect([c.count, c.accuracy, c.topKAccuracy]).toEqual([0, Number.NaN, Number.NaN]);
  });

  test('logits of ignored rows may be anything, and -Infinity rules a class out', () => {
    const ruledOut = [0, 0, Number.NEGATIVE_INFINITY];
    const any = [Number.NaN, Number.NaN, Number.NaN];
    const c = new ClassificationMetrics(3).add([...any, ...ruledOut, ...any], [-1, 1, -1]);
    expect(c.crossEntropy).toBeCloseTo(Math.LN2, 15);
    expect(thrown(() => c.add([...ruledOut, ...any], [-1, 1])).code).toBe('INVALID_DATA');
    expect(new ClassificationMetrics(3).add(ruledOut, [2]).crossEntropy).toBe(Number.POSITIVE_INFINITY);
  });

  test('add refuses weights without targets, and a conversion what is not a number', () => {
    const error = thrown(() => new ClassificationMetrics(3).add([0, 1, 2], null as never, [1]));
    expect(problemOf(error, 'INVALID_DATA').what).toBe('targets');
    for (const convert of [perplexity, bitsPerCharacter]) {
      expect(thrown(() => convert('3' as never)).message).toContain('nats must be a number, got "3".');
    }
    expect([perplexity(Math.log(3)), bitsPerCharacter(Math.LN2)]).toEqual([expect.closeTo(3, 12), 1]);
  });

  test('add refuses a wrong number of logits and a target out of range', () => {
    const shape = thrown(() => new ClassificationMetrics(3).add([1, 2], [0]));
    expect(problemOf(shape, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'logits', expected: [1, 3], actual: [2] });
    expect(thrown(() => new ClassificationMetrics(3).add(logitsOf(0), [3])).code).toBe('INVALID_DATA');
  });
});

describe('regression', () => {
  test('all metrics match values computed manually', () => {
    const r = new RegressionMetrics().add([2, 4, 5], [1, 4, 8]);
    expect(r.mae).toBeCloseTo(4 / 3, 15);
    expect(r.rmse).toBeCloseTo(Math.sqrt(10 / 3), 15);
    expect(r.mape).toBeCloseTo((100 * (1 + 0 + 3 / 8)) / 3, 12);
    expect(r.smape).toBeCloseTo((100 * (1 / 1.5 + 0 + 3 / 6.5)) / 3, 12);
    const mean = 13 / 3;
    expect(r.r2).toBeCloseTo(1 - 10 / ((1 - mean) ** 2 + (4 - mean) ** 2 + (8 - mean) ** 2), 12);
  });

  test('weights of rows weigh their values, and values of weight 0 are ignored', () => {
    const [values, targets] = [
      [2, 4, 5, Number.NaN, 0, 7],
      [1, Number.NaN, 8, 0, 3, 0],
    ];
    const weighted = new RegressionMetrics().add(values, targets, [3, 0, 1, 0, 0.5, 2]);
    const repeat = (list: number[]) => [0, 0, 0, 0, 0, 0, 2, 2, 4, 5, 5, 5, 5].map((i) => list[i]!);
    const repeated = new RegressionMetrics().add(repeat(values), repeat(targets));
    expect([weighted.count, weighted.zeroTargets]).toEqual([6.5, 2]);
    for (const name of ['mae', 'rmse', 'mape', 'smape', 'r2'] as const) {
      expect([name, weighted[name]]).toEqual([name, expect.closeTo(repeated[name], 12)]);
    }
    // One weight per row of two values, as `evaluate` passes them.
    const pairs = new RegressionMetrics().add([2, 4, 5, 9], [1, 4, 8, 0], [1, 0]);
    expect([pairs.count, pairs.mae]).toEqual([2, 0.5]);
    for (const [weights, code] of [
      [[1, 2, 3], 'SHAPE_MISMATCH'],
      [[1, -1], 'INVALID_DATA'],
      ['11', 'INVALID_DATA'],
    ] as const) {
      const error = thrown(() => new RegressionMetrics().add([1, 2], [1, 2], weights as unknown as number[]));
      expect([weights, error.code]).toEqual([weights, code]);
    }
  });

  test('mape ignores targets of 0, and r2 handles constant targets', () => {
    const r = new RegressionMetrics().add([1, 0, 3], [0, 0, 4]);
    expect([r.zeroTargets, r.mape]).toEqual([2, 25]);
    expect(new RegressionMetrics().add([0.25], [0.5]).smape).toBeCloseTo(200 / 3, 12);
    expect(new RegressionMetrics().add([3, 3], [3, 3]).r2).toBe(1);
    expect(new RegressionMetrics().add([3, 2], [3, 3]).r2).toBe(0);
    expect(thrown(() => new RegressionMetrics().add([1], [1, 2])).code).toBe('SHAPE_MISMATCH');
  });

  test.each([
    [[1, Number.NaN], [1, 2], 'values[1]'],
    [[1, 2], [Number.POSITIVE_INFINITY, 2], 'targets[0]'],
    [[1, null], [1, 2], 'values[1]'],
    [[1, 2], ['1', 2], 'targets[0]'],
    [[1, 2], new Array(2), 'targets[0]'],
    [undefined, [1], 'values'],
    [[1], undefined, 'targets'],
  ])('add refuses %p and %p, and adds nothing', (values, targets, what) => {
    const r = new RegressionMetrics();
    const error = thrown(() => r.add(values as number[], targets as number[]));
    expect(problemOf(error, 'INVALID_DATA').what).toBe(what);
    expect(r.count).toBe(0);
  });

  test('perfect predictions have no error, sMAPE is from 0 to 200, and RMSE is at least MAE', () => {
    // Multiples of 1/64, because the squares of tiny doubles underflow.
    const number = fc.integer({ min: -6400, max: 6400 }).map((v) => v / 64);
    const numbers = fc.array(number, { minLength: 3, maxLength: 20 });
    fc.assert(
      fc.property(numbers, numbers, (targets, values) => {
        const perfect = new RegressionMetrics().add(targets, targets);
        expect([perfect.mae, perfect.rmse, perfect.smape, perfect.r2]).toEqual([0, 0, 0, 1]);
        const n = Math.min(targets.length, values.length);
        const { smape, rmse, mae } = new RegressionMetrics().add(values.slice(0, n), targets.slice(0, n));
        expect(smape >= 0 && smape <= 200.000001).toBe(true);
        expect(rmse).toBeGreaterThanOrEqual(mae * (1 - 1e-12));
      }),
    );
  });
});
