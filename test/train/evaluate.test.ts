/** The mean loss over a source. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/model.js';
import type { BatchSource } from '../../src/data/source.js';
import { evaluate } from '../../src/train/evaluate.js';
import { data, SIZE, twoLayers } from './fit-support.js';

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
    let tape = null;
    const fresh: number[] = [];
    for (let i = 0; i < validation.length; i++) {
      const batch = validation.batch(i);
      const result = await model.evaluate(batch, { from: tape });
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
});
