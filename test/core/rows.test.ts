/** Rows of batches: their order, their weights, the targets that fit them, and masks over a part of them. */
import { describe, expect, test } from '@jest/globals';
import { batchWeight, countedWeights, lossShare, lossWeight, requireInputCount } from '../../src/core/batch.js';
import { placeIn, rowAt, toBatchFirst, toTimeMajor } from '../../src/core/layout.js';
import type { LossSpec } from '../../src/core/losses.js';
import { drawMask, maskPieces, streamOf } from '../../src/core/masks.js';
import { SequenceLengths } from '../../src/core/sequence-lengths.js';
import { readTargets, readWeights, requireTargetCount, targetWidth } from '../../src/core/targets.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { problemOf, thrown } from '../support/errors.js';

const [T, N] = [3, 2];
const sequence = (count: number) => Array.from({ length: count }, (_, i) => i);

test('row i of a batch ordered by sequence is row t N + n', () => {
  const order = { steps: T, batchSize: N };
  expect(sequence(12).map((i) => rowAt({ ...order, batchFirst: true }, 2, i))).toEqual([
    0, 0, 2, 2, 4, 4, 1, 1, 3, 3, 5, 5,
  ]);
  expect(sequence(6).map((i) => rowAt(order, 1, i))).toEqual(sequence(6));
  const values = sequence(12);
  const ordered = [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11];
  expect([...toTimeMajor(values, { ...order, batchFirst: true })]).toEqual(ordered);
  expect(toTimeMajor(values, order)).toBe(values);
  expect(toTimeMajor(values, { steps: 1, batchSize: 6, batchFirst: true })).toBe(values);
  expect(toTimeMajor(sequence(5), { ...order, batchFirst: true })).toEqual(sequence(5)); // a wrong count stays
  for (const Type of [Int32Array, Float32Array, Float64Array]) {
    const found = toTimeMajor(Type.from(values), { ...order, batchFirst: true });
    expect([found instanceof Type, [...found]]).toEqual([true, ordered]);
  }
  expect([...toBatchFirst(Float32Array.from(ordered), T, N)]).toEqual(values);
});

test('the place of a number: its step, sequence and column', () => {
  const place = (order: object, width: number, i: number) =>
    placeIn('a', { steps: T, batchSize: N, ...order }, width)(i);
  expect([place({}, 2, 7), place({ batchFirst: true }, 2, 7), place({}, 1, 5), place({ steps: 1 }, 1, 1)]).toEqual([
    'a[7] (step 1, sequence 1, column 1)',
    'a[7] (step 0, sequence 1, column 1)',
    'a[5] (step 2, sequence 1)',
    'a[1] (sequence 1)',
  ]);
});

describe('weights', () => {
  const spec = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 2 }] } as const;
  const last = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 2, returns: 'last' }] } as const;
  const batch = { steps: T, batchSize: N, inputs: sequence(6), targets: sequence(12) };

  test('rows past the end of a sequence count 0, whatever their weight is', () => {
    const lengths = [3, 1];
    const weights = [1, 2, 3, Number.NaN, 5, -1];
    const found = countedWeights(spec, { ...batch, lengths, weights });
    expect(Array.from(found!)).toEqual([1, 2, 3, 0, 5, 0]);
    expect(Array.from(countedWeights(spec, { ...batch, lengths })!)).toEqual([1, 1, 1, 0, 1, 0]);
    const bySequence = { ...batch, lengths, weights: [1, 3, 5, 2, Number.NaN, -1], batchFirst: true };
    expect(Array.from(countedWeights(spec, bySequence)!)).toEqual([1, 3, 5, 2, 0, 0]);
    expect(countedWeights(spec, batch)).toBe(null);
    expect(countedWeights(last, { ...batch, lengths, weights: [4, 5] })).toEqual([4, 5]);
    expect(countedWeights(last, { ...batch, lengths })).toBe(null);
    expect(thrown(() => countedWeights(spec, { ...batch, weights: [1, 1, -1, 1, 1, 1] })).message).toMatch(
      /^weights\[2\] \(step 1, sequence 0\) must be a finite number of at least 0, got -1/,
    );
  });

  test('of a batch among several', () => {
    expect(batchWeight(spec, batch, 'meanSquaredError')).toBe(6);
    expect(batchWeight(last, batch, 'meanSquaredError')).toBe(2);
    expect(batchWeight(spec, { ...batch, lengths: [3, 1] }, 'meanSquaredError')).toBe(4);
    expect(batchWeight(spec, { ...batch, weights: [0.5, 1, 0, 1, 0, 0] }, 'meanAbsoluteError')).toBeCloseTo(2.5, 12);
  });

  test.each<[LossSpec, number]>([
    [{ kind: 'ctc' }, 2],
    [{ kind: 'meanSquaredError' }, 7],
    [{ kind: 'crossEntropy' }, 6], // without the ignored row
    [{ kind: 'crossEntropy', reduction: 'sum' }, 6],
    [{ kind: 'crossEntropy', ignoreIndex: 2, classWeights: [1, 10, 0] }, 31],
  ])('of a loss %j', (spec, expected) => {
    const rows = { batchSize: 2, rows: 3, targets: [0, -1, 1], weights: [3, 1, 3] };
    if (spec.kind === 'crossEntropy' && spec.ignoreIndex !== undefined) rows.targets = [0, 2, 1];
    if (spec.kind === 'crossEntropy' && spec.classWeights) rows.weights = [1, 9, 3];
    expect(lossWeight(spec, rows)).toBe(expected);
    expect(lossWeight({ kind: 'meanSquaredError' }, { ...rows, weights: null })).toBe(3);
  });

  test('what a batch adds: a mean times its weight, or a sum', () => {
    const mean = { kind: 'crossEntropy' } as const;
    expect([lossShare(mean, 3, 4), lossShare({ ...mean, reduction: 'sum' }, 3, 4)]).toEqual([12, 3]);
    expect([lossShare({ ...mean, reduction: 'mean' }, 3, 4), lossShare({ kind: 'gaussian' }, 3, 4)]).toEqual([12, 12]);
    expect([lossShare(mean, Number.NaN, 0), lossShare({ ...mean, reduction: 'sum' }, Number.NaN, 0)]).toEqual([0, 0]);
  });
});

describe('targets', () => {
  const rows = { steps: T, batchSize: N, width: 2 };

  test('of rows that do not count are replaced; the others stay, in time-major order', () => {
    const weights = [1, 0, 1, 1, 0, 1];
    const classes = [0, Number.NaN, 1, 0, 9, 1];
    const found = readTargets({ kind: 'crossEntropy' }, rows, classes, weights);
    expect([[...(found.targets as number[])], [...found.rowWeights!]]).toEqual([[0, -1, 1, 0, -1, 1], weights]);
    expect([
      ...(readTargets({ kind: 'crossEntropy', ignoreIndex: 7 }, rows, classes, weights).targets as number[]),
    ]).toEqual([...[0, 7, 1, 0, 7, 1]]);
    const values = sequence(12).map((v) => (v === 2 ? Number.NaN : v));
    const squared = readTargets({ kind: 'meanSquaredError' }, rows, values, weights);
    expect([...(squared.targets as number[])]).toEqual([0, 1, 0, 0, 4, 5, 6, 7, 0, 0, 10, 11]);
    const bySequence = readTargets({ kind: 'meanSquaredError' }, { ...rows, batchFirst: true }, sequence(12), null);
    expect([[...(bySequence.targets as number[])], bySequence.rowWeights]).toEqual([
      [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11],
      null,
    ]);
    const active = [1, 1, 1, 0, 1, 0];
    const lengths = { steps: [3, 1], active };
    const short = readTargets({ kind: 'crossEntropy' }, { ...rows, lengths }, [0, 1, 0, 9, 1, 9], null);
    expect([[...(short.targets as number[])], [...short.rowWeights!]]).toEqual([[0, 1, 0, -1, 1, -1], active]);
    expect(readWeights([2, 2, 2, -5, 2, Number.NaN], rows, active)).toEqual(Float64Array.of(2, 2, 2, 0, 2, 0));
    expect(readWeights([1, 3, 5, 2, 4, 6], { ...rows, batchFirst: true }, null)).toEqual(
      Float64Array.of(1, 2, 3, 4, 5, 6),
    );
    expect([readWeights(null, rows, null), readWeights(undefined, rows, active)]).toEqual([
      null,
      Float64Array.from(active),
    ]);
  });

  test('numbers a row: by the loss and the width of the output', () => {
    const quantile = { kind: 'quantile', quantiles: [0.1, 0.5, 0.9] } as const;
    expect([
      targetWidth({ kind: 'gaussian' }, 4),
      targetWidth(quantile, 6),
      targetWidth({ kind: 'huber', delta: 1 }, 5),
    ]).toEqual([2, 2, 5]);
    const wrong = [() => targetWidth({ kind: 'gaussian' }, 3), () => targetWidth(quantile, 4)].map((act) => {
      const { expected, help } = problemOf(thrown(act), 'SHAPE_MISMATCH');
      return [expected, help];
    });
    expect(wrong).toEqual([
      [[4], 'The output needs a mean and a log-variance per target: make the size of the last layer a multiple of 2.'],
      [[6], 'The output needs 3 quantiles per target: make the size of the last layer a multiple of 3.'],
    ]);
    expect(requireTargetCount({ kind: 'crossEntropy' }, sequence(6), rows)).toBe(1);
    expect(requireTargetCount({ kind: 'meanSquaredError' }, sequence(12), rows)).toBe(2);
    expect(requireTargetCount({ kind: 'gaussian' }, sequence(6), rows)).toBe(1);
    expect([
      requireTargetCount({ kind: 'ctc' }, sequence(8), rows),
      requireTargetCount({ kind: 'ctc' }, [1, 2], rows),
    ]).toEqual([4, 1]);
  });

  test.each<[LossSpec, number[], object, (number | string)[], string]>([
    [
      { kind: 'crossEntropy' },
      [0, 1],
      {},
      [3, 2],
      "For one target per sequence, set returns: 'last' in the last lstm layer. These targets fit ctc, quantile (with 6 quantiles).",
    ],
    [
      { kind: 'crossEntropy' },
      new Array(12).fill(0.5),
      {},
      [3, 2],
      'Pass class numbers, not rows. These targets fit meanSquaredError, meanAbsoluteError, huber, binaryCrossEntropy.',
    ],
    [
      { kind: 'meanSquaredError' },
      new Array(6).fill(3),
      { batchFirst: true },
      [2, 3, 2],
      'These targets fit gaussian, quantile (with 2 quantiles).',
    ],
    [
      { kind: 'meanSquaredError' },
      new Array(12).fill(1),
      { steps: 1 },
      [1, 2, 2],
      "For a target per step, remove returns: 'last'. These targets fit no other loss.",
    ],
    [{ kind: 'ctc' }, [1, 1, 1], {}, [2, 2], 'These targets fit quantile (with 4 quantiles).'],
  ])('a wrong number of targets for %j: what fits', (spec, targets, change, shape, help) => {
    const problem = problemOf(
      thrown(() => requireTargetCount(spec, targets, { ...rows, ...change })),
      'SHAPE_MISMATCH',
    );
    expect([problem.expected, problem.actual, problem.help]).toEqual([shape, [targets.length], help]);
  });

  test('a wrong number of inputs', () => {
    const of = (batchFirst: boolean, width: number | null) =>
      problemOf(
        thrown(() => requireInputCount([1], { steps: T, batchSize: N, batchFirst }, width)),
        'SHAPE_MISMATCH',
      );
    expect([of(false, 4).expected, of(true, 4).expected, of(false, null).expected]).toEqual([
      [3, 2, 4],
      [2, 3, 4],
      [3, 2],
    ]);
    expect([of(false, 4).help, of(true, 4).help]).toEqual([
      'Pass the numbers time-major: all rows of step 0 first.',
      'Pass the numbers sequence by sequence.',
    ]);
  });
});

test('masks of sequences of unequal lengths, also after other lengths', () => {
  const k = createReference('float64');
  const lengths = new SequenceLengths(k, { steps: T, batchSize: N });
  const inputs = sequence(12);
  const state = () => [[...k.host(lengths.activeMask)!], [...k.host(lengths.finishedMask)!], [...lengths.steps]];
  expect([state(), lengths.active, lengths.live]).toEqual([
    [new Array(6).fill(1), new Array(6).fill(0), [3, 3]],
    null,
    null,
  ]);
  expect(lengths.masked(inputs, 2)).toBe(inputs);
  lengths.set([3, 1]);
  expect(state()).toEqual([
    [1, 1, 1, 0, 1, 0],
    [0, 0, 0, 1, 0, 1],
    [3, 1],
  ]);
  expect([...lengths.active!]).toEqual([1, 1, 1, 0, 1, 0]);
  expect(Array.from(lengths.masked(inputs, 2))).toEqual([0, 1, 2, 3, 4, 5, 0, 0, 8, 9, 0, 0]);
  expect(Array.from(lengths.masked(sequence(6), 1))).toEqual([0, 1, 2, 0, 4, 0]);
  expect(lengths.live).toBe(lengths.live);
  lengths.set([3, 3]);
  expect([lengths.live, [...lengths.active!]]).toEqual([null, new Array(6).fill(1)]);
  lengths.set(null);
  expect([lengths.active, lengths.masked(inputs, 2) === inputs]).toEqual([null, true]);
  for (const wrong of [[3], [0, 1], [4, 1], [1.5, 1]]) expect(() => lengths.set(wrong)).toThrow();
});

test('a mask of a part of a batch is that part of the mask of the whole batch', () => {
  const k = createReference('float64');
  const [cols, rows] = [2, 4]; // of each step of the whole batch
  const source = { stream: streamOf('layer'), over: 'steps', batchSize: rows, rate: 0.5 } as const;
  const whole = k.alloc(3 * rows, cols);
  drawMask(k, whole, { seed: 5, update: 6 }, source);
  const all = [...k.host(whole)!];
  expect(new Set(all)).toEqual(new Set([0, 2]));
  const part = k.alloc(2 * 3, cols); // two steps of three rows
  drawMask(k, part, { seed: 5, update: 6, part: { step: 1, row: 1, rows } }, { ...source, batchSize: 3 });
  const expected = [1, 2].flatMap((step) => all.slice((step * rows + 1) * cols, (step + 1) * rows * cols));
  expect([...k.host(part)!]).toEqual(expected);
  const keys = (over: 'steps' | 'rows' | 'pass', batchSize?: number) => {
    const noise = { seed: 5, update: 6, part: { step: 2, row: 1, rows } };
    const place = { stream: 9, over, ...(batchSize !== undefined && { batchSize }) };
    return maskPieces(k, part, noise, place).map(([piece, key]) => [piece.rows, key.offset]);
  };
  expect([keys('pass'), keys('rows', 3), keys('steps'), keys('steps', 3)]).toEqual([
    [[6, undefined]],
    [[6, 2]],
    [[6, 18]],
    [
      [3, 18],
      [3, 26],
    ],
  ]);
  expect([streamOf(''), streamOf('a'), streamOf('ab')]).toEqual([0x811c9dc5, 0xe40c292c, 0x4d2505ca]); // FNV-1a
});
