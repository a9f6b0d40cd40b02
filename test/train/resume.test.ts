/** A training that is saved and resumed, or left and iterated again, is bit-identical to an uninterrupted one. */
import { describe, expect, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import type { RngState } from '../../src/core/rng.js';
import { adam } from '../../src/optim/adam.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit, type Training, type TrainingState } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected } from '../support/errors.js';
import { clone, collect, data, kinds, newModel, ROWS, TWO_LAYERS, twoLayers, values } from './fit-support.js';

describe('checkpoint and resume', () => {
  const options = (more: Partial<FitOptions> = {}): FitOptions => ({
    optimizer: adam({ learningRate: 0.01 }),
    epochs: 3,
    clipNorm: 0.5,
    ...more,
  });

  /** As read from a file: the generator has been JSON. */
  const stored = (state: TrainingState): TrainingState => ({
    ...state,
    rng: JSON.parse(JSON.stringify(state.rng)) as RngState,
  });

  async function end(model: Model, training: Training) {
    const events = await collect(training);
    return { events, parameters: await values(model), state: await training.checkpoint() };
  }

  test('resuming after any event gives the same bits: parameters, optimizer, generator and events', async () => {
    const source = data();
    expect(source.train.shuffled).toBeDefined();
    const whole = twoLayers();
    const expected = await end(whole, fit(whole, source, options()));
    const model = twoLayers();
    const training = fit(model, source, options());
    let seen = 0;
    for await (const event of training) {
      seen++;
      const copy = await clone(model);
      const resumed = fit(copy, source, options(), stored(await training.checkpoint()));
      const got = await end(copy, resumed);
      expectSameBits(got.parameters, expected.parameters);
      expect(got.state).toEqual(expected.state);
      expect(got.events).toEqual(event.kind === 'end' ? [event] : expected.events.slice(seen));
    }
    expect(seen).toBe(3 * (4 + 1 + 1) + 1);
  });

  test('without the carried state, the optimizer state or the data order, the result differs', async () => {
    const source = data();
    const whole = twoLayers();
    const expected = await end(whole, fit(whole, source, options()));
    const model = twoLayers();
    const training = fit(model, source, options());
    for await (const event of training) if (event.update === 6) break;
    const state = await training.checkpoint();
    expect(state).toMatchObject({ update: 6, epoch: 2, batch: 2 });
    expect(state.carried!.map(({ h, c }) => [h.length, c.length])).toEqual([
      [ROWS * 6, ROWS * 6],
      [ROWS * 5, ROWS * 5],
    ]);
    const zeros = new Map([...state.optimizer].map(([name, v]) => [name, v.map(() => 0)]));
    const otherOrder = fit(twoLayers(), source, options({ seed: 99 }));
    const { rng } = await otherOrder.checkpoint();
    for (const broken of [
      { ...state, carried: null },
      { ...state, optimizer: zeros },
      { ...state, rng },
      { ...state, update: 5 },
    ]) {
      const copy = await clone(model);
      expect((await end(copy, fit(copy, source, options(), broken))).parameters).not.toEqual(expected.parameters);
    }
    const copy = await clone(model);
    expect((await end(copy, fit(copy, source, options(), state))).parameters).toEqual(expected.parameters);
  });

  test('a checkpoint is a copy: later updates do not change it', async () => {
    const source = data();
    const training = fit(twoLayers(), source, options());
    let state: TrainingState | null = null;
    let kept = '';
    const text = (s: TrainingState) =>
      JSON.stringify({ ...s, optimizer: [...s.optimizer].map(([n, v]) => [n, [...v]]) });
    for await (const event of training) {
      if (event.kind !== 'update' || event.update !== 2) continue;
      state = await training.checkpoint();
      kept = text(state);
    }
    expect(text(state!)).toBe(kept);
    expect(text(await training.checkpoint())).not.toBe(kept);
  });

  test('iterating again after a break continues where it stopped', async () => {
    const source = data();
    const whole = twoLayers();
    const expected = await end(whole, fit(whole, source, options()));
    const model = twoLayers();
    const training = fit(model, source, options());
    for (const stop of [2, 5, 6]) {
      for await (const event of training) if (event.kind === 'update' && event.update === stop) break;
    }
    const got = await end(model, training);
    expectSameBits(got.parameters, expected.parameters);
    expect(got.state).toEqual(expected.state);
  });

  test('resuming a finished training makes no update', async () => {
    const source = data();
    const model = twoLayers();
    const training = fit(model, source, options());
    await collect(training);
    const before = await values(model);
    const again = fit(model, source, options(), await training.checkpoint());
    expect(kinds(await collect(again))).toEqual(['end 12']);
    expectSameBits(await values(model), before);
  });

  test('resuming a finished training with more epochs equals a longer training', async () => {
    const source = data();
    const whole = twoLayers();
    const expected = await end(whole, fit(whole, source, options({ epochs: 4 })));
    const model = twoLayers();
    const training = fit(model, source, options({ epochs: 2 }));
    await collect(training);
    const got = await end(model, fit(model, source, options({ epochs: 4 }), stored(await training.checkpoint())));
    expectSameBits(got.parameters, expected.parameters);
    expect(got.state).toEqual(expected.state);
  });

  test('the seed determines the order of the data', async () => {
    const run = async (seed: number) => {
      const model = twoLayers();
      await collect(fit(model, data(), options({ seed })));
      return values(model);
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  describe('a checkpoint of another training throws INVALID_DATA', () => {
    const made = async () => {
      const training = fit(twoLayers(), data(), options());
      for await (const event of training) if (event.update === 2) break;
      return training.checkpoint();
    };
    const resume = async (
      state: TrainingState,
      model = twoLayers(),
      optimizer: Optimizer = adam({ learningRate: 0.01 }),
    ) =>
      problemOf(await rejected(async () => collect(fit(model, data(), options({ optimizer }), state))), 'INVALID_DATA');

    test('if the optimizer differs', async () => {
      const problem = await resume(await made(), twoLayers(), sgd({ learningRate: 0.1, momentum: 0.9 }));
      expect(problem).toMatchObject({
        what: 'checkpoint',
        problem: expect.stringMatching(
          /^it is from another training: optimizer was \{.*"adam".*\} and is \{.*"sgd".*\}\.$/,
        ),
      });
    });

    test('if the model has another size', async () => {
      const wider = {
        ...TWO_LAYERS,
        layers: TWO_LAYERS.layers.map((l) => (l.kind === 'lstm' ? { ...l, hiddenSize: 8 } : l)),
      };
      expect((await resume(await made(), newModel(wider, 'float32'))).problem).toMatch(
        /: model was \{.*\} and is \{.*\}\.$/,
      );
    });

    test('if the carried state has another batch size or fewer layers', async () => {
      const { settings: _, ...state } = await made(); // as of Unspool 0.1
      const longer = state.carried!.map(({ h, c }) => ({ h: new Float32Array(2 * h.length), c }));
      expect((await resume({ ...state, carried: longer })).problem).toContain(
        'carried state of layer lstm is not [3, 6]',
      );
      const fewer = state.carried!.slice(0, 1);
      expect((await resume({ ...state, carried: fewer })).problem).toContain(
        'carried state of layer lstm_l1 is not [3, 5]',
      );
    });
  });
});
