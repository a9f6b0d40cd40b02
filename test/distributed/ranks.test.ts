/** What ranks do together in addition to the sum: start, stop, fail, continue, and refuse each other. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/batch.js';
import { singleRank } from '../../src/distributed/communicator.js';
import { type DistributedGradient, distributed } from '../../src/distributed/gradient.js';
import { adam } from '../../src/optim/adam.js';
import { fit, type TrainingData } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { clone, data, newModel, SPEC, values } from '../train/fit-support.js';
import { OPTIONS, onRanks, type Setup, train, trainOn } from './support.js';

const SETUP: Setup = { spec: SPEC, data };

describe('a training of several ranks', () => {
  test('resumed on another number of ranks, it continues with the same bits', async () => {
    const epochs = { epochs: 2 };
    const [expected] = await train(1, { ...SETUP, options: epochs });
    const first = await train(2, { ...SETUP, options: { ...epochs, maxUpdates: 3 } });
    const { model, state } = first[0]!;
    expect(state).toMatchObject({ update: 3, settings: { gradient: 'distributed(shards=8)' } });
    for (const size of [1, 4]) {
      for (const { weights, state: end } of await train(size, { ...SETUP, options: epochs, from: { model, state } })) {
        expectSameBits(weights, expected!.weights);
        expect(end).toEqual(expected!.state);
      }
    }
  });

  test('a checkpoint continues with the same shards only', async () => {
    const [{ model, state }] = (await train(1, { ...SETUP, options: { maxUpdates: 1 } })) as [
      Awaited<ReturnType<typeof trainOn>>,
    ];
    const other = await rejected(() =>
      trainOn(singleRank(), { ...SETUP, from: { model, state }, distributed: { shards: 4 } }),
    );
    expect(problemOf(other, 'INVALID_DATA').problem).toContain('distributed(shards=8)');
    const copy = await clone(model);
    const plain = fit(copy, data(), { optimizer: adam({ learningRate: 0.01 }), ...OPTIONS }, state);
    expect((await rejected(() => plain[Symbol.asyncIterator]().next())).message).toContain('gradient was');
  });

  test('all ranks start from the weights and the optimizer state of rank 0', async () => {
    const [expected] = await train(1, SETUP);
    const trained = await onRanks(2, async (communicator) => {
      const model = newModel(SPEC, 'float32');
      if (communicator.rank > 0)
        model.parameters.set('embedding.weight', (await model.parameters.download()).get('embedding.weight')!.fill(9));
      const gradient = distributed(communicator);
      for await (const _ of fit(model, data(), { optimizer: adam({ learningRate: 0.01 }), ...OPTIONS, gradient }));
      return values(model);
    });
    for (const weights of trained) expectSameBits(weights, expected!.weights);
  });

  test('a signal on one rank ends all after the same update', async () => {
    const updates = await onRanks(3, async (communicator) => {
      const stop = new AbortController();
      const gradient = distributed(communicator, { signal: stop.signal });
      const options = { optimizer: adam({ learningRate: 0.01 }), gradient, signal: gradient.signal, epochs: 9 };
      let last: unknown;
      for await (const event of fit(newModel(SPEC, 'float32'), data(), options)) {
        if (communicator.rank === 1 && event.update === 2) stop.abort();
        last = event;
      }
      return last;
    });
    expect(updates).toEqual(Array(3).fill({ kind: 'end', reason: 'aborted', update: 3 }));
  });
});

describe('ranks that differ', () => {
  /** The errors of two ranks, of which the second has another setup. */
  const errorsOf = (other: Partial<Setup>) =>
    onRanks(2, (communicator) =>
      rejected(() => trainOn(communicator, { ...SETUP, ...(communicator.rank > 0 && other) })),
    );

  const changed = (change: (batch: Batch, index: number) => Batch) => (): TrainingData => {
    const { train: source } = data();
    const { stateful, length } = source;
    return { train: { stateful, length, batch: (i) => change(source.batch(i), i) } };
  };
  const same = { data: changed((batch) => batch) };

  test.each([
    ['clipNorm', { options: { clipNorm: 2 } }, 'clipNorm is 2 on rank 1 and 0.5 on rank 0'],
    ['the learning rate', { options: { optimizer: adam({ learningRate: 0.5 }) } }, 'optimizer'],
    ['the seed', { options: { seed: 3 } }, 'seed is 3 on rank 1 and 7 on rank 0'],
    ['the precision', { precision: 'float64' as const }, 'backend is "reference, float64" on rank 1'],
    ['shards', { distributed: { shards: 4 } }, 'shards is 4 on rank 1 and 8 on rank 0'],
    ['what else must be the same', { distributed: { same: { version: '2' } } }, 'version is "2" on rank 1'],
  ])('%s', async (_, other, message) => {
    for (const error of await errorsOf(other)) {
      expect(problemOf(error, 'INVALID_SETTING')).toBeDefined();
      expect(error.message).toContain(message);
    }
  });

  test('other numbers in a later batch, and another number of sequences', async () => {
    const numbers = (batch: Batch, i: number): Batch => (i < 2 ? batch : { ...batch, targets: batch.inputs });
    const fewer = (batch: Batch): Batch => ({ ...batch, inputs: batch.inputs, steps: 3, batchSize: 5 });
    const cases = [
      [numbers, 'rank 1 has another batch than rank 0'],
      [fewer, 'rank 1 has another number of steps than rank 0'],
    ] as const;
    for (const [change, message] of cases) {
      const errors = await onRanks(2, (communicator) =>
        rejected(() => trainOn(communicator, { ...SETUP, data: communicator.rank > 0 ? changed(change) : same.data })),
      );
      for (const error of errors) expect(problemOf(error, 'RANK_LOST').problem).toContain(message);
    }
  });

  test('an error in the rows of one rank ends all, with the message of that rank', async () => {
    const spoiled = changed((batch, i) => {
      const inputs = Int32Array.from(batch.inputs);
      if (i === 1) inputs[2] = 999; // a row of the last shard
      return { ...batch, inputs };
    });
    const errors = await onRanks(2, (communicator) =>
      rejected(() => trainOn(communicator, { ...SETUP, data: spoiled })),
    );
    expect(problemOf(errors[1]!, 'INVALID_DATA').problem).toContain('999');
    expect(problemOf(errors[0]!, 'RANK_LOST').problem).toMatch(
      /^rank 1 failed: inputs\[0\] \(step 0, sequence 0\) of the part with sequence 2 must be .*999/,
    );
  });
});

describe('the end of a training', () => {
  /** One update on each rank, then what `end` does. */
  const after = (updates: number, end: (rank: number, gradient: DistributedGradient) => Promise<void>) =>
    onRanks(2, async (communicator) => {
      const gradient = distributed(communicator);
      const options = { optimizer: adam({ learningRate: 0.01 }), gradient };
      for await (const { update } of fit(newModel(SPEC, 'float32'), data(), options)) if (update === updates) break;
      await end(communicator.rank, gradient);
    });

  test('finish() waits for all ranks', async () => {
    await after(2, (_, gradient) => gradient.finish());
  });

  test('an error outside of an update reaches the other ranks, also before the first one', async () => {
    const error = new Error('the disk is full');
    const other = await rejected(() =>
      onRanks(2, async (communicator) => {
        const gradient = distributed(communicator);
        if (communicator.rank === 0) return gradient.finish(error);
        await trainOn(communicator, SETUP, gradient);
      }),
    );
    expect(problemOf(other, 'RANK_LOST').problem).toBe('rank 0 failed: the disk is full');
    const later = await rejected(() => after(1, (rank, gradient) => gradient.finish(rank === 0 ? error : undefined)));
    expect(later.message).toContain('rank 0 failed: the disk is full');
  });
});

describe('what cannot be distributed', () => {
  test('more ranks than shards', async () => {
    const [error] = await onRanks(2, async (communicator) => thrown(() => distributed(communicator, { shards: 1 })));
    expect(error!.message).toContain('shards are 1, fewer than the 2 ranks');
  });

  test('activity layers, whose means are over a whole batch', async () => {
    const layers = SPEC.layers.toSpliced(2, 0, { kind: 'activity', alpha: 1 });
    const error = await rejected(() => trainOn(singleRank(), { ...SETUP, spec: { ...SPEC, layers } }));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe('layers[2]');
  });

  test.each([
    [[undefined], 'communicator'],
    [[{ rank: 0, size: 1 }], 'communicator'],
    [[{ ...singleRank(), rank: 1 }], 'communicator.rank'],
    [[singleRank(), { shards: 0 }], 'options.shards'],
    [[singleRank(), { shard: 2 }], 'options.shard'],
    [[singleRank(), { signal: 1 }], 'options.signal'],
  ])('arguments %j', (args, path) => {
    const error = thrown(() => distributed(...(args as Parameters<typeof distributed>)));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  });
});
