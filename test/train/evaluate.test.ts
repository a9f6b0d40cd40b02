/** The mean loss over a source. */
import { describe, expect, test } from '@jest/globals';
import { toTimeMajor } from '../../src/core/layout.js';
import type { LossChoice } from '../../src/core/losses.js';
import type { Batch } from '../../src/core/model.js';
import type { Tape } from '../../src/core/tape.js';
import type { BatchSource } from '../../src/data/source.js';
import { evaluate } from '../../src/train/evaluate.js';
import { problemOf, rejected } from '../support/errors.js';
import { data, newModel, SIZE, twoLayers } from './fit-support.js';

describe('evaluate', () => {
  const batchOf = (targets: readonly number[], steps: number): Batch => ({
    steps,
    batchSize: 2,
    inputs: Int32Array.from(targets, (t) => Math.abs(t) % SIZE),
    targets: Int32Array.from(targets),
  });
  const source = (batches: readonly Batch[], stateful: boolean): BatchSource => ({
    stateful,
    length: batches.length,
    batch: (i) => batches[i]!,
  });

  test('is the mean over all targets, not over batches; only a stateful source carries the state', async () => {
    const { validation } = data();
    const model = twoLayers('float64');
    let sum = 0;
    let tape: Tape | null = null;
    const fresh: number[] = [];
    for (let i = 0; i < validation.length; i++) {
      const batch = validation.batch(i);
      const result: { loss: number; tape: Tape } = await model.evaluate(batch, { from: tape, tape: true });
      sum += result.loss * batch.targets.length;
      fresh.push((await model.evaluate(batch)).loss * batch.targets.length);
      tape = result.tape;
    }
    expect(validation.length).toBe(3); // 5, 5 and 2 steps: the last batch weighs less
    expect(await evaluate(model, validation)).toBeCloseTo(sum / validation.predictions, 12);
    const stateless = source(
      [0, 1, 2].map((i) => validation.batch(i)),
      false,
    );
    const alone = fresh.reduce((a, b) => a + b, 0) / validation.predictions;
    expect(await evaluate(model, stateless)).toBeCloseTo(alone, 12);
    expect(Math.abs(alone - sum / validation.predictions)).toBeGreaterThan(1e-6);
  });

  test('ignored targets do not count, even if a whole batch is ignored', async () => {
    const model = twoLayers('float64');
    const [a, nothing, b] = [batchOf([1, 2, 3, -1, 5, 6], 3), batchOf([-1, -1], 1), batchOf([4, -1, 2, 0], 2)];
    const [lossA, lossB] = [(await model.evaluate(a)).loss, (await model.evaluate(b)).loss];
    const mean = await evaluate(model, source([a, nothing, b], false));
    expect(mean).toBeCloseTo((5 * lossA + 3 * lossB) / 8, 12);
  });

  test('a loss that sums is reported as its mean', async () => {
    const model = twoLayers('float64');
    const { validation } = data();
    const sum = await evaluate(model, validation, { kind: 'crossEntropy', reduction: 'sum' });
    expect(sum).toBeCloseTo(await evaluate(model, validation, 'crossEntropy'), 12);
  });

  const VALUE_LOSSES: readonly (readonly [LossChoice, width: number, targets: number])[] = [
    ['meanSquaredError', 3, 3],
    ['meanAbsoluteError', 2, 2],
    ['binaryCrossEntropy', 3, 3],
    [{ kind: 'huber', delta: 1 }, 2, 2],
    [{ kind: 'quantile', quantiles: [0.1, 0.5, 0.9] }, 6, 2],
    ['gaussian', 4, 2],
  ];

  test.each(VALUE_LOSSES)('%j: batches count by their rows, weights and lengths', async (loss, width, targets) => {
    const layers = [
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'linear', size: width },
    ] as const;
    const model = newModel({ inputSize: 2, layers });
    const values = (steps: number, rows: number, k: number): Batch => ({
      steps,
      batchSize: rows,
      inputs: Float64Array.from({ length: steps * rows * 2 }, (_, i) => Math.sin(i + k)),
      targets: Float64Array.from({ length: steps * rows * targets }, (_, i) => (i + k) % 2),
    });
    const [a, b] = [values(4, 2, 1), values(3, 3, 7)];
    const mean = (...batches: Batch[]) => evaluate(model, source(batches, false), loss);
    const [lossA, lossB] = [await mean(a), await mean(b)];
    expect(await mean(a, b)).toBeCloseTo((8 * lossA + 9 * lossB) / 17, 12);
    const ones = new Float32Array(9).fill(1);
    expect(await mean(a, { ...b, weights: ones })).toBeCloseTo((8 * lossA + 9 * lossB) / 17, 12);
    expect(await mean(a, { ...b, lengths: [3, 3, 3] })).toBeCloseTo((8 * lossA + 9 * lossB) / 17, 12);
    expect(await mean(a, { ...b, weights: ones.map(() => 0) })).toBeCloseTo(lossA, 12);
    const short: Batch = { ...b, lengths: [3, 1, 2], weights: [1, 2, 1, 1, 9, 1, 0, 9, 9] };
    expect(await mean(a, short)).toBeCloseTo((8 * lossA + 6 * (await mean(short))) / 14, 12);
    const byRow = [1, 1, 0, 2, 9, 9, 1, 1, 9]; // the weights of `short` by sequence
    const inputs = toSequences(b.inputs, 3, 3);
    const ordered = { ...short, batchFirst: true, inputs, targets: toSequences(b.targets, 3, 3), weights: byRow };
    expect(await mean(a, ordered)).toBeCloseTo(await mean(a, short), 12);
  });

  test('a ctc loss that sums is a mean of its sequences', async () => {
    const layers = [
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'linear', size: 4 },
    ] as const;
    const model = newModel({ inputSize: 2, layers });
    const ctc = (rows: number, k: number): Batch => ({
      steps: 5,
      batchSize: rows,
      inputs: Float64Array.from({ length: 10 * rows }, (_, i) => Math.sin(i + k)),
      targets: Int32Array.from({ length: 2 * rows }, (_, i) => 1 + ((i + k) % 3)),
    });
    const loss = { kind: 'ctc', reduction: 'sum' } as const;
    const sums = [(await model.evaluate(ctc(2, 1), { loss })).loss, (await model.evaluate(ctc(3, 2), { loss })).loss];
    const mean = await evaluate(model, source([ctc(2, 1), ctc(3, 2)], false), loss);
    expect(mean).toBeCloseTo((sums[0]! + sums[1]!) / 5, 12);
  });
});

/** Time-major [steps, rows, width] as [rows, steps, width]. */
function toSequences(values: ArrayLike<number>, steps: number, rows: number): Float64Array {
  return Float64Array.from(toTimeMajor(values, { steps: rows, batchSize: steps, batchFirst: true }));
}

describe('evaluate reports', () => {
  const model = (size = 3) =>
    newModel({
      inputSize: 1,
      layers: [
        { kind: 'lstm', hiddenSize: 2 },
        { kind: 'linear', size },
      ],
    });
  const batch: Batch = { steps: 3, batchSize: 2, inputs: [1, 2, 3, 4, 5, 6], targets: new Int32Array(6) };
  const list = (...batches: Batch[]): BatchSource => ({ length: batches.length, batch: (i) => batches[i]! });

  test('data without a target that counts', async () => {
    const error = await rejected(() => evaluate(model(), list({ ...batch, weights: new Float32Array(6) })));
    expect(error.message).toBe('source has no target that counts: all are ignored or have weight 0.');
  });

  test('a NaN in the data, with its batch', async () => {
    const inputs = [1, 2, 3, Number.NaN, 5, 6];
    const error = await rejected(() => evaluate(model(), list(batch, { ...batch, inputs })));
    expect(error.message).toBe('inputs[3] (step 1, sequence 1) of batch 1 must be a finite number, got NaN.');
  });

  test('a loss that is not finite, with the first bad number and its batch', async () => {
    const broken = model();
    broken.parameters.get('head.bias').set(1, Number.NaN);
    const error = await rejected(() => evaluate(broken, list(batch)));
    expect(problemOf(error, 'NOT_FINITE')).toMatchObject({ tensor: 'parameter head.bias', update: null });
    expect(error.message).toContain('in batch 0');
  });

  test('a sequence that is too short for its ctc labels', async () => {
    const short: Batch = { ...batch, targets: [1, 1, 2, -1], lengths: [3, 1] };
    const long: Batch = { ...short, lengths: [2, 3] }; // 1, 1 needs three steps
    const error = await rejected(() => evaluate(model(), list(short, long), 'ctc'));
    expect(error.message).toMatch(/^sequence 0 of batch 1 has 2 steps, but ctc needs 3 for its labels/);
    const zeroed = { kind: 'ctc', zeroInfinity: true } as const;
    const { loss } = await model().evaluate(short, { loss: zeroed });
    expect(await evaluate(model(), list(short, short), zeroed)).toBeCloseTo(loss, 12);
  });
});
