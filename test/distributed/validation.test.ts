/** Validation by several ranks: each reads its part of the data, and all get the same loss. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/batch.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { BatchSource } from '../../src/data/source.js';
import { distributed } from '../../src/distributed/gradient.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit } from '../../src/train/trainer.js';
import { problemOf, rejected } from '../support/errors.js';
import { testRandom } from '../support/random.js';
import { newModel, TWO_LAYERS, data as textData } from '../train/fit-support.js';
import { onRanks, type Setup, trainOn } from './support.js';

const [T, D, C] = [3, 2, 4];
const random = testRandom(9);
const spec: ModelSpec = {
  seed: 3,
  inputSize: D,
  layers: [
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: C },
  ],
};
const batchOf = (rows: number): Batch => ({
  ...{ steps: T, batchSize: rows },
  inputs: Float64Array.from({ length: T * rows * D }, () => random.uniform() - 0.5),
  targets: Int32Array.from({ length: T * rows }, () => random.integer(C)),
});
const BATCHES = [5, 2, 7, 5, 1].map(batchOf);
const sourceOf = (batches: readonly Batch[], read: number[] = []): BatchSource => ({
  length: batches.length,
  batch(i) {
    read.push(i);
    return batches[i]!;
  },
});

describe('validation on ranks', () => {
  test.each([1, 2, 3, 8])('%i ranks share out batches, and have the loss of evaluate()', async (size) => {
    const expected = await evaluate(newModel(spec, 'float64'), sourceOf(BATCHES));
    const all: number[] = [];
    const losses = await onRanks(size, async (communicator) => {
      const read: number[] = [];
      const loss = await distributed(communicator).evaluate!(newModel(spec, 'float64'), sourceOf(BATCHES, read));
      all.push(...read);
      return loss;
    });
    expect(losses).toEqual(Array(size).fill(expected));
    expect(all.sort()).toEqual([0, 1, 2, 3, 4]); // each batch once
  });

  test.each([2, 3])('%i ranks share out the sequences of a text', async (size) => {
    const { validation } = textData();
    const losses = await onRanks(size, (communicator) =>
      distributed(communicator).evaluate!(newModel(TWO_LAYERS, 'float64'), validation!),
    );
    const [alone] = await onRanks(1, (communicator) =>
      distributed(communicator).evaluate!(newModel(TWO_LAYERS, 'float64'), validation!),
    );
    expect(losses).toEqual(Array(size).fill(alone));
    expect(alone).toBeCloseTo(await evaluate(newModel(TWO_LAYERS, 'float64'), validation!), 12);
  });

  test('a training validates with the ranks', async () => {
    const reads: number[][] = [[], []];
    await onRanks(2, (communicator) =>
      trainOn(communicator, {
        spec,
        data: () => ({ train: sourceOf(BATCHES), validation: sourceOf(BATCHES, reads[communicator.rank]!) }),
        options: { validateEvery: 2, epochs: 1 },
      }),
    );
    // The first reads are those of the comparison before the first update.
    expect(reads.map((read) => read.slice(-6))).toEqual([
      [0, 1, 0, 1, 0, 1],
      [2, 3, 4, 2, 3, 4],
    ]);
  });
});

describe('ranks that cannot validate together', () => {
  const setup: Setup = { spec, data: () => ({ train: sourceOf(BATCHES), validation: sourceOf(BATCHES) }) };
  const other = (change: Partial<Setup>) =>
    onRanks(2, (communicator) =>
      rejected(() => trainOn(communicator, { ...setup, ...(communicator.rank > 0 && change) })),
    );

  test.each([
    [
      'validation on rank 0 only',
      { data: () => ({ train: sourceOf(BATCHES) }) },
      /^validation.length is null on rank 1/,
    ],
    ['another interval', { options: { validateEvery: 2 } }, /^validateEvery is 2 on rank 1 and null on rank 0/],
  ])('%s', async (_, change, message) => {
    for (const error of await other(change)) {
      problemOf(error, 'INVALID_SETTING');
      expect(error.message).toMatch(message);
    }
  });

  test('an error in a part ends all ranks, and names the batch', async () => {
    const spoiled = BATCHES.with(3, { ...BATCHES[3]!, targets: new Int32Array(T * 5).fill(C) });
    const errors = await onRanks(2, (communicator) =>
      rejected(() => distributed(communicator).evaluate!(newModel(spec, 'float64'), sourceOf(spoiled))),
    );
    expect(problemOf(errors[1]!, 'INVALID_DATA').what).toMatch(/^targets\[0\].* of batch 3$/);
    expect(problemOf(errors[0]!, 'RANK_LOST').problem).toMatch(/^rank 1 failed: targets\[0\].* of batch 3 must be/);
  });

  test('no target that counts', async () => {
    const ignored = BATCHES.map((batch) => ({ ...batch, weights: new Float64Array(T * batch.batchSize) }));
    const errors = await onRanks(2, (communicator) =>
      rejected(() => distributed(communicator).evaluate!(newModel(spec, 'float64'), sourceOf(ignored))),
    );
    for (const error of errors) expect(problemOf(error, 'INVALID_DATA').problem).toContain('no target that counts');
  });

  test('outside of its loop, validate() is of this rank alone', async () => {
    await onRanks(2, async (communicator) => {
      const gradient = distributed(communicator);
      const training = fit(newModel(spec, 'float64'), setup.data(), { optimizer: adam(), gradient, maxUpdates: 2 });
      for await (const _ of training);
      if (communicator.rank === 0) expect(await training.validate()).toBeGreaterThan(0);
    });
  });
});
