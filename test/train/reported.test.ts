/** What functions of the caller give is checked where it appears, before a weight changes. */
import { describe, expect, test } from '@jest/globals';
import { UnspoolError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { reduceOnPlateau } from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit, type GradientFunction } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { collect, data, newModel, SPEC, values } from './fit-support.js';

const any = (value: unknown) => value as never;

/** Trains until an error. Expects the weights of the last event, and the state that goes with them. */
async function failure(
  options: Partial<FitOptions>,
  model = newModel(),
): Promise<{ error: UnspoolError; updates: number }> {
  let before = await values(model);
  let updates = 0;
  const training = fit(model, data(), { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }), epochs: 2, ...options });
  const error = await rejected(async () => {
    for await (const event of training) {
      before = await values(model);
      updates = event.update;
    }
  });
  expectSameBits(await values(model), before);
  expect((await training.checkpoint()).update).toBe(updates);
  for (const state of (await training.checkpoint()).optimizer.values()) expect(state.every(Number.isFinite)).toBe(true);
  expect(error).toBeInstanceOf(UnspoolError);
  return { error: error as UnspoolError, updates };
}

describe('a schedule', () => {
  test.each<[string, unknown]>([
    ['nothing', () => {}],
    ['null', () => null],
    ['NaN', (update: number) => (update < 3 ? 1 : Number.NaN)],
    ['infinity', (update: number) => (update < 3 ? 1 : Number.POSITIVE_INFINITY)],
    ['a string', () => 'fast'],
    ['a negative number', () => -1],
    ['a promise', async () => 1],
  ])('that returns %s', async (_, schedule) => {
    const { error, updates } = await failure({ schedule: any(schedule) });
    expect(error.code).toBe('INVALID_SETTING');
    expect(error.message).toContain(`the schedule's factor for update ${updates + 1} must be a number of at least 0`);
  });

  test('that was not called', async () => {
    const { error } = await failure({ schedule: any(reduceOnPlateau) });
    expect(error.message).toContain('schedule must be an object, got 1.');
  });

  test('of one million, times a large rate', async () => {
    const { error } = await failure({ optimizer: sgd({ learningRate: 1e305 }), schedule: () => 1e9 });
    expect(error.message).toContain('the learning rate must be a number');
  });

  test('whose observations are not numbers', async () => {
    const schedule = { factor: () => 1, observe: () => {}, observed: [Number.NaN], restore: () => {} };
    const training = fit(newModel(), data(), { optimizer: adam(), schedule });
    expect((await rejected(() => training.checkpoint())).message).toContain(
      'schedule.observed must be a list of finite',
    );
  });
});

describe('a gradient function', () => {
  test.each<[string, unknown, string]>([
    ['returns nothing', async () => {}, 'gradient must return { loss }'],
    ['returns no loss', async () => ({ losses: 1 }), 'gradient must return { loss }'],
    ['returns a loss that is a string', async () => ({ loss: '1' }), 'gradient must return { loss }'],
    ['returns null', () => null, 'gradient must return { loss }'],
    ['returns NaN', async () => ({ loss: Number.NaN }), 'became NaN'],
  ])('that %s', async (_, gradient, message) => {
    expect((await failure({ gradient: any(gradient) })).error.message).toContain(message);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('that writes %d', async (bad) => {
    for (const create of [async () => createReference('float32'), () => createWasm('simd')]) {
      const k = await create();
      const gradient: GradientFunction = async (_model, _batch, { gradients }) => {
        const numbers = new Float32Array(gradients.layout.size).fill(0.1);
        numbers[7] = bad;
        k.upload(gradients.matrix, numbers);
        return { loss: 1 };
      };
      for (const more of [{}, { clipNorm: 1 }]) {
        const { error } = await failure({ gradient, ...more }, buildModel(k, SPEC));
        expect(error.problem).toMatchObject({ code: 'NOT_FINITE', update: 1, tensor: 'gradient of embedding.weight' });
      }
      if (Number.isNaN(bad)) {
        const { error } = await failure({ gradient, clipValue: 1 }, buildModel(k, SPEC));
        expect(error.code).toBe('NOT_FINITE');
      }
    }
  });
});

describe('an optimizer', () => {
  const own = (apply: Optimizer['apply']): Optimizer => ({
    spec: { kind: 'own', learningRate: 1 },
    state: ['m'],
    apply,
  });

  test.each<[string, Optimizer]>([
    [
      'of the caller that writes NaN, also into its state',
      own(({ kernels, parameters, state, update }) => {
        kernels.fill(state.m!, update < 3 ? 1 : Number.NaN);
        if (update === 3) kernels.combine(parameters, Number.NaN, parameters, 0, parameters);
      }),
    ],
    ['that divides 0 by 0', adam({ eps: 0 })],
    ['of a huge learning rate', sgd({ learningRate: 1e39 })],
  ])('%s: the update is undone', async (_, optimizer) => {
    const { error, updates } = await failure({ optimizer }, newModel(SPEC, 'float32'));
    expect(error.problem).toMatchObject({
      code: 'NOT_FINITE',
      update: updates + 1,
      tensor: expect.stringContaining('parameter '),
    });
  });

  test('of the caller that throws after it has changed the weights: they are as before', async () => {
    const model = newModel();
    const before = await values(model);
    const optimizer = own(({ kernels, parameters }) => {
      kernels.fill(parameters, 5);
      throw new RangeError('mine');
    });
    await expect(collect(fit(model, data(), { optimizer }))).rejects.toThrow('mine');
    expectSameBits(await values(model), before);
  });

  test('of the caller that keeps to its rule trains as before', async () => {
    const plain = newModel();
    await collect(fit(plain, data(), { optimizer: sgd({ learningRate: 0.1 }) }));
    const model = newModel();
    const optimizer: Optimizer = {
      spec: { kind: 'mine', learningRate: 0.1 },
      state: [],
      apply: ({ kernels, parameters, gradients, learningRate }) =>
        kernels.combine(parameters, 1, parameters, -learningRate, gradients),
    };
    await collect(fit(model, data(), { optimizer }));
    expectSameBits(await values(model), await values(plain));
  });
});
