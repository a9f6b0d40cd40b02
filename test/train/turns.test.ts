/** What happens beside an update: validations and checkpoints wait, a second loop is rejected, and the memory is freed. */
import { describe, expect, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import type { BatchSource } from '../../src/data/source.js';
import { estimatorGradient } from '../../src/estimators/fit.js';
import { rtrl } from '../../src/estimators/methods/rtrl.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import { reduceOnPlateau } from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit, type Training, type TrainingEvent } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { collect, data, newModel, SPEC, values } from './fit-support.js';

const options = (more: Partial<FitOptions> = {}): FitOptions => ({
  optimizer: adam({ learningRate: 0.01 }),
  epochs: 2,
  average: { kind: 'ema', decay: 0.9 },
  ...more,
});

/** The error of `act` about the training or its loop. */
const rejection = async (act: () => Promise<unknown>) => problemOf(await rejected(act), 'INVALID_SETTING').problem;

describe('during an update', () => {
  test('validate() and checkpoint() wait for its end, and change nothing', async () => {
    const alone = newModel();
    const expected = await collect(fit(alone, data(), options()));
    const model = newModel();
    const training = fit(model, data(), options());
    const events: TrainingEvent[] = [];
    const asked: Promise<unknown>[] = [];
    const loop = training[Symbol.asyncIterator]();
    for (;;) {
      const next = loop.next();
      asked.push(training.validate(), training.checkpoint());
      const { value } = await next;
      if (!value) break;
      events.push(value);
    }
    const answers = await Promise.all(asked);
    expect(events).toEqual(expected);
    expectSameBits(await values(model), await values(alone));
    const validations = answers.filter((_, i) => i % 2 === 0) as number[];
    expect(new Set(validations).size).toBeGreaterThan(8); // one after each update
    const updates = answers.filter((_, i) => i % 2 === 1).map((state) => (state as { update: number }).update);
    expect(updates).toEqual(updates.toSorted((a, b) => a - b));
  });

  test('dispose() takes effect at its end: the model keeps valid weights', async () => {
    const [model, alone] = [newModel(), newModel()];
    const inOrder = { stateful: true, length: 4, batch: (index: number) => data().train.batch(index) };
    await collect(fit(alone, { train: inOrder }, { optimizer: adam({ learningRate: 0.01 }), maxUpdates: 2 }));
    const { train, validation } = data();
    const batch = (index: number) => {
      if (index === 1) training.dispose();
      return train.batch(index);
    };
    const training: Training = fit(model, { train: { stateful: true, length: 4, batch }, validation }, options());
    const loop = training[Symbol.asyncIterator]();
    await loop.next();
    expect((await loop.next()).value).toMatchObject({ kind: 'update', update: 2 });
    expectSameBits(await values(model), await values(alone));
    for (const use of [() => loop.next(), () => training.validate(), () => training.checkpoint()]) {
      expect(problemOf(await rejected(use), 'DISPOSED').what).toBe('The training');
    }
    await collect(fit(model, data(), options())); // the model is free for another one
  });

  test('dispose() during a validation leaves the weights in training in the model', async () => {
    const model = newModel();
    const training = fit(model, data(), options());
    for await (const event of training) if (event.update === 3) break;
    const before = await values(model);
    const validation = training.validate();
    training.dispose();
    await validation.catch(() => {});
    expectSameBits(await values(model), before);
  });

  test('the model has the weights in training while their average is validated', async () => {
    const model = newModel();
    const { train, validation } = data();
    const seen: number[][] = [];
    const watched: BatchSource = {
      stateful: validation.stateful,
      length: validation.length,
      batch(index) {
        seen.push([...model.kernels.host(model.parameters.matrix)!]);
        return validation.batch(index);
      },
    };
    const training = fit(model, { train, validation: watched }, options());
    for await (const event of training) {
      if (event.kind !== 'update') continue;
      seen.length = 0;
      const weights = [...(await values(model))];
      await training.validate();
      expect(seen).toEqual([weights, weights, weights]);
    }
  });

  test('a gradient function that waits for its own training is rejected', async () => {
    const training: Training = fit(newModel(), data(), {
      optimizer: adam(),
      gradient: async () => ({ loss: (await training.checkpoint()).update }),
    });
    expect(await rejection(() => collect(training))).toContain('its own gradient function');
  });
});

describe('one loop at a time', () => {
  test('a training that is iterated twice, and a second training of the model, are rejected', async () => {
    const model = newModel();
    const training = fit(model, data(), options());
    for await (const event of training) {
      expect(await rejection(() => collect(training))).toBe('this training is already being iterated.');
      const other = fit(model, data(), options());
      expect(await rejection(() => collect(other))).toBe('another training of this model is running.');
      expect((await other.checkpoint()).update).toBe(0);
      if (event.update === 3) break;
    }
    expect((await collect(fit(model, data(), options()))).at(-1)).toMatchObject({ update: 8 });
    expect((await collect(training)).at(-1)).toMatchObject({ update: 8 }); // and continues after that
  });

  test('two models can be trained at the same time', async () => {
    const run = async () => {
      const model = newModel();
      await collect(fit(model, data(), options()));
      return values(model);
    };
    const [one, two] = await Promise.all([run(), run()]);
    expectSameBits(one, two);
  });
});

describe('what the caller changes after the call', () => {
  test('has no effect: options, data, sources, optimizer', async () => {
    const expected = newModel();
    const given = () => ({ ...options(), earlyStopping: { patience: 9 }, gradientNoise: { eta: 0.1 }, clipNorm: 1 });
    await collect(fit(expected, data(), given()));
    const model = newModel();
    const mine = given() as { -readonly [K in keyof FitOptions]: FitOptions[K] };
    const sources: { train: BatchSource; validation: BatchSource | null } = data();
    const training = fit(model, sources, mine);
    Object.assign(mine.optimizer as object, { apply: () => {}, state: [] });
    Object.assign((mine.optimizer as { spec: object }).spec, { learningRate: 99 });
    Object.assign(mine.average!, { decay: 0 });
    Object.assign(mine.earlyStopping!, { patience: 1 });
    Object.assign(mine.gradientNoise!, { eta: 0 });
    Object.assign(mine, { epochs: 1, clipNorm: 1e-9 });
    Object.assign(sources.train, { batch: () => null, shuffled: undefined });
    Object.assign(sources, { train: null, validation: null });
    await collect(training);
    expectSameBits(await values(model), await values(expected));
  });

  test('has no effect on a state to resume from', async () => {
    const training = fit(newModel(), data(), options());
    for await (const event of training) if (event.update === 2) break;
    const state = await training.checkpoint();
    const before = state.optimizer.get('m')!.slice();
    for (const one of state.optimizer.values()) one.fill(9);
    expect((await training.checkpoint()).optimizer.get('m')).toEqual(before);
  });

  test('a schedule that observes, and what an estimator has learned, start again in another training', async () => {
    const schedule = reduceOnPlateau({ patience: 0, threshold: 0.9 });
    const run = async () => {
      const model = newModel();
      await collect(fit(model, data(), { optimizer: sgd({ learningRate: 0.5 }), epochs: 3, schedule }));
      return values(model);
    };
    expectSameBits(await run(), await run());
  });
});

describe('memory', () => {
  const loops: [string, (model: Model, training: Training) => Promise<unknown>][] = [
    ['at the end', (_, training) => collect(training)],
    [
      'after a break',
      async (_, training) => {
        for await (const _event of training) break;
      },
    ],
    [
      'after an error',
      async (_, training) => {
        const loop = training[Symbol.asyncIterator]();
        await loop.next();
        await loop.throw(new Error('mine')).catch(() => {});
      },
    ],
  ];

  test.each(loops)('is freed %s, and checkpoint() and validate() still work', async (_, loop) => {
    const k = await createWasm('simd');
    const model = buildModel(k, SPEC);
    let bytes = 0;
    for (let i = 0; i < 3; i++) {
      const training = fit(model, data(), options({ earlyStopping: { patience: 5 } }));
      await loop(model, training);
      const { optimizer, update } = await training.checkpoint();
      expect([optimizer.get('m')!.length, update > 0]).toEqual([model.size, true]);
      expect(await training.validate()).toBeGreaterThan(0);
      if (i === 0) bytes = k.memory.inUse();
    }
    expect(k.memory.inUse()).toBe(bytes);
  });

  test('of an estimator is freed, too', async () => {
    const k = await createWasm('simd');
    const model = buildModel(k, SPEC);
    const run = () =>
      collect(fit(model, data(), { optimizer: adam(), maxUpdates: 1, gradient: estimatorGradient(rtrl()) }));
    await run();
    const bytes = k.memory.inUse();
    for (let i = 0; i < 3; i++) await run();
    expect(k.memory.inUse()).toBe(bytes);
  });

  test('of a training on batches of many lengths is that of the longest batch', async () => {
    const k = await createWasm('simd');
    const model = buildModel(k, SPEC);
    const most = async (lengths: readonly number[]) => {
      const batch = (i: number) => {
        const tokens = new Int32Array(lengths[i]!).fill(1);
        return { steps: lengths[i]!, batchSize: 1, inputs: tokens, targets: tokens };
      };
      const train = { length: lengths.length, batch };
      let bytes = 0;
      let last = 0;
      for await (const event of fit(model, { train, validation: train }, { optimizer: adam() })) {
        if (event.kind === 'update') bytes = Math.max(bytes, (last = k.memory.inUse()));
      }
      return { bytes, last };
    };
    await most([80]); // the backend's own workspaces
    const longest = await most([80]);
    const many = await most(Array.from({ length: 60 }, (_, i) => 20 + ((i * 37) % 61)));
    expect(many.last).toBeLessThanOrEqual(longest.bytes);
    expect(many.bytes).toBeLessThan(1.7 * longest.bytes); // the first few are kept beside each other
  });
});
