/** The events of a training, and its abort. */
import { describe, expect, test } from '@jest/globals';
import type { BatchSource } from '../../src/data/source.js';
import { textStreams } from '../../src/data/text.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit, type TrainingEvent } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { collect, data, kinds, newModel, ROWS, SIZE, STEPS, twoLayers, values } from './fit-support.js';

describe('the events of a training', () => {
  test('are an update per batch, then the epoch and its validation, then the end', async () => {
    const { train, validation } = data();
    const events = await collect(fit(twoLayers(), { train, validation }, { optimizer: adam(), epochs: 2 }));
    const epoch = (first: number) => [0, 1, 2, 3].map((i) => `update ${first + i}`);
    expect(kinds(events)).toEqual([
      ...[...epoch(1), 'epoch 4', 'validation 4'],
      ...[...epoch(5), 'epoch 8', 'validation 8'],
      'end 8',
    ]);
    expect(events.at(-1)).toEqual({ kind: 'end', reason: 'finished', update: 8 });
    const updates = events.flatMap((e) => (e.kind === 'update' ? [e] : []));
    expect(updates.map((e) => e.epoch)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    for (const e of updates) expect([e.updates, e.count]).toEqual([8, ROWS * STEPS]);
    for (const n of [0, 1]) {
      const mean = updates.slice(4 * n, 4 * n + 4).reduce((sum, e) => sum + e.loss, 0) / 4;
      const event = events.filter((e) => e.kind === 'epoch')[n]!;
      expect(event).toMatchObject({ epoch: n + 1 });
      expect(event.loss).toBeCloseTo(mean, 12);
    }
  });

  test('start at about the loss of a uniform guess', async () => {
    const { train } = data();
    const [first] = await collect(fit(twoLayers(), { train }, { optimizer: adam(), maxUpdates: 1 }));
    expect(first!.kind).toBe('update');
    expect(Math.abs((first as { loss: number }).loss - Math.log(SIZE))).toBeLessThan(0.5);
  });

  test('have no validation without validation data', async () => {
    const { train } = data();
    const training = fit(twoLayers(), { train }, { optimizer: adam(), validateEvery: 1 });
    expect(kinds(await collect(training))).toEqual([
      'update 1',
      'update 2',
      'update 3',
      'update 4',
      'epoch 4',
      'end 4',
    ]);
    expect(await training.validate()).toBeNull();
  });

  test('have a validation every validateEvery updates, counted over all epochs, and one per epoch', async () => {
    const { train, validation } = data();
    const options = { optimizer: adam(), epochs: 2, validateEvery: 3 };
    const events = kinds(await collect(fit(twoLayers(), { train, validation }, options)));
    expect(events.filter((e) => e.startsWith('validation'))).toEqual([
      ...['validation 3', 'validation 4', 'validation 6', 'validation 8'],
    ]);
  });

  test('end at maxUpdates, without the event of the unfinished epoch', async () => {
    const { train } = data();
    const events = await collect(fit(twoLayers(), { train }, { optimizer: adam(), epochs: 3, maxUpdates: 6 }));
    expect(kinds(events)).toEqual([
      ...['update 1', 'update 2', 'update 3', 'update 4', 'epoch 4'],
      ...['update 5', 'update 6', 'end 6'],
    ]);
    expect(events.every((e) => e.kind !== 'update' || e.updates === 6)).toBe(true);
  });

  test('end with the epochs if maxUpdates is larger', async () => {
    const { train } = data();
    const training = fit(twoLayers(), { train }, { optimizer: adam(), maxUpdates: 100 });
    expect(training.updates).toBe(4);
    expect(kinds(await collect(training)).at(-1)).toBe('end 4');
  });

  test('report the validation loss of the current weights, and validating does not change the training', async () => {
    const { train, validation } = data();
    const [watched, alone] = [twoLayers(), twoLayers()];
    const events = await collect(
      fit(watched, { train, validation }, { optimizer: adam(), epochs: 2, validateEvery: 1 }),
    );
    await collect(fit(alone, { train }, { optimizer: adam(), epochs: 2 }));
    expectSameBits(await values(watched), await values(alone));
    const last = events.filter((e) => e.kind === 'validation').at(-1)!;
    expect(last.loss).toBe(await evaluate(watched, validation));
  });

  test('show that the state is carried from batch to batch, but not into the next epoch', async () => {
    const { train } = data();
    const same: BatchSource = { stateful: true, length: train.length, batch: (i) => train.batch(i) };
    const model = twoLayers('float64');
    const fromZero = async (index: number) => (await model.evaluate(same.batch(index))).loss;
    let zero = await fromZero(0);
    for await (const event of fit(model, { train: same }, { optimizer: adam(), epochs: 2 })) {
      if (event.kind !== 'update') continue;
      const first = (event.update - 1) % same.length === 0;
      if (first) expect(event.loss).toBeCloseTo(zero, 13);
      else expect(Math.abs(event.loss - zero)).toBeGreaterThan(1e-9);
      zero = await fromZero(event.update % same.length);
    }
  });

  test('show that it learns: a repeating text is predicted after three epochs', async () => {
    const text = 'abcd'.repeat(200);
    const { train, validation, vocabulary } = textStreams(text, { batchSize: 4, steps: 8 });
    const model = newModel({
      layers: [
        { kind: 'embedding', size: vocabulary.size, width: 3 },
        { kind: 'lstm', hiddenSize: 8 },
        { kind: 'linear', size: vocabulary.size },
      ],
    });
    const options = { optimizer: adam({ learningRate: 0.03 }), epochs: 3, clipNorm: 1 };
    const losses = (await collect(fit(model, { train, validation }, options))).filter((e) => e.kind === 'validation');
    expect(losses.at(-1)!.loss).toBeLessThan(0.1);
    expect(losses[0]!.loss).toBeGreaterThan(losses.at(-1)!.loss);
  });
});

test('an endless source trains until the loop is left', async () => {
  const { train } = data();
  const endless: BatchSource = { stateful: false, length: Number.POSITIVE_INFINITY, batch: (i) => train.batch(i % 4) };
  const training = fit(twoLayers(), { train: endless }, { optimizer: adam() });
  expect(training.updates).toBe(Number.POSITIVE_INFINITY);
  const seen: number[] = [];
  for await (const event of training) if (seen.push(event.update) === 9) break;
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await training.checkpoint()).toMatchObject({ update: 9, epoch: 1, batch: 9 });
});

describe('an abort', () => {
  test('ends the training after the current update, with the weights of that many updates', async () => {
    const { train } = data();
    const [model, other] = [twoLayers(), twoLayers()];
    const controller = new AbortController();
    const events: TrainingEvent[] = [];
    for await (const event of fit(model, { train }, { optimizer: adam(), epochs: 9, signal: controller.signal })) {
      events.push(event);
      if (event.update === 3) controller.abort();
    }
    expect(kinds(events)).toEqual(['update 1', 'update 2', 'update 3', 'end 3']);
    expect(events.at(-1)).toMatchObject({ reason: 'aborted' });
    await collect(fit(other, { train }, { optimizer: adam(), epochs: 9, maxUpdates: 3 }));
    expectSameBits(await values(model), await values(other));
  });

  test('before the start makes no update', async () => {
    const { train } = data();
    const model = twoLayers();
    const before = await values(model);
    const events = await collect(fit(model, { train }, { optimizer: adam(), signal: AbortSignal.abort() }));
    expect(events).toEqual([{ kind: 'end', reason: 'aborted', update: 0 }]);
    expectSameBits(await values(model), before);
  });
});

test('a new training makes its gradient function forget what it has learned, a resumed one restores it', async () => {
  const restored: (readonly number[])[] = [];
  const gradient = Object.assign(async () => ({ loss: 1 }), {
    observed: [5, 7],
    restore: (observed: readonly number[]) => void restored.push([...observed]),
  });
  const options = { optimizer: adam(), gradient, maxUpdates: 1 };
  const { train } = data();
  const first = fit(newModel(), { train }, options);
  await collect(first);
  expect(restored).toEqual([[]]);
  const state = await first.checkpoint();
  await collect(fit(newModel(), { train }, { ...options, maxUpdates: 2 }, state));
  expect(restored).toEqual([[], [5, 7]]);
  fit(newModel(), { train }, options).dispose(); // before it has begun
});
