/** Early stopping. */
import { describe, expect, test } from '@jest/globals';
import type { FloatArray } from '../../src/contract/kernels.js';
import type { LstmSpec, ModelSpec } from '../../src/core/spec.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { cosine, reduceOnPlateau } from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit, type TrainingData, type TrainingState } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { collect, data, losses, newModel, SIZE, SPEC, values } from './fit-support.js';

/** A learning rate that is too large, so that the validation loss goes up and down. */
const wild = (more: Partial<FitOptions> = {}): FitOptions => ({
  optimizer: adam({ learningRate: 0.4 }),
  epochs: 12,
  validateEvery: 3,
  ...more,
});

/** The number of losses after which training stops; null if it does not. */
function overAfter(all: readonly number[], patience: number, minDelta = 0): number | null {
  let [best, waited] = [Number.POSITIVE_INFINITY, 0];
  for (const [i, loss] of all.entries()) {
    if (loss < best - minDelta) [best, waited] = [loss, 0];
    else if (++waited === patience) return i + 1;
  }
  return null;
}

describe('early stopping', () => {
  const measured = async () => losses(await collect(fit(newModel(), data(), wild())), 'validation');

  test.each([
    [1, 0],
    [2, 0],
    [2, 0.3],
    [3, 0],
  ])(
    'patience %d, minDelta %d: the training ends after that many losses without improvement',
    async (patience, minDelta) => {
      const all = await measured();
      const wanted = overAfter(all, patience, minDelta);
      const events = await collect(fit(newModel(), data(), wild({ earlyStopping: { patience, minDelta } })));
      expect(wanted).not.toBeNull();
      expect(losses(events, 'validation')).toEqual(all.slice(0, wanted!));
      expect(events.slice(-2)).toMatchObject([{ kind: 'validation' }, { kind: 'end', reason: 'stoppedEarly' }]);
      expect(events.at(-1)!.update).toBe(events.at(-2)!.update);
    },
  );

  test('a loss that always falls does not stop the training', async () => {
    const options = { optimizer: adam({ learningRate: 0.01 }), epochs: 3, earlyStopping: { patience: 1 } };
    expect((await collect(fit(newModel(), data(), options))).at(-1)).toMatchObject({ reason: 'finished', update: 12 });
  });

  test('the end of an epoch is validated once, even if validateEvery falls on it', async () => {
    const events = await collect(fit(newModel(), data(), { optimizer: adam(), epochs: 2, validateEvery: 2 }));
    const steps = events.flatMap((e) => (e.kind === 'validation' ? [e.update] : []));
    expect(steps).toEqual([2, 4, 6, 8]);
  });

  test.each([true, false])(
    'restoreBest %s decides whether the model ends with the best or the last weights',
    async (restoreBest) => {
      const model = newModel();
      const kept: { loss: number; weights: FloatArray }[] = [];
      for await (const event of fit(model, data(), wild({ earlyStopping: { patience: 2, restoreBest } }))) {
        if (event.kind === 'validation') kept.push({ loss: event.loss, weights: await values(model) });
      }
      const best = kept.reduce((a, b) => (b.loss < a.loss ? b : a));
      expect(best).not.toBe(kept.at(-1));
      expectSameBits(await values(model), (restoreBest ? best : kept.at(-1)!).weights);
    },
  );

  test('with an average, the model ends with the best average', async () => {
    const model = newModel();
    const kept: { loss: number; weights: FloatArray }[] = [];
    const options = wild({ earlyStopping: { patience: 2 }, average: { kind: 'ema', decay: 0.3 } });
    const training = fit(model, data(), options);
    for await (const event of training) {
      if (event.kind !== 'validation') continue;
      kept.push({ loss: event.loss, weights: (await training.checkpoint()).optimizer.get('average')! });
    }
    const best = kept.reduce((a, b) => (b.loss < a.loss ? b : a));
    expectSameBits(await values(model), best.weights);
    expect(await training.validate()).toBe(best.loss);
  });

  test('a training that ended with its best weights resumes from its last ones', async () => {
    const earlyStopping = { patience: 50 };
    const [whole, parts] = [newModel(), newModel()];
    await collect(fit(whole, data(), wild({ earlyStopping, epochs: 5 })));
    const first = fit(parts, data(), wild({ earlyStopping, epochs: 3 }));
    await collect(first);
    await collect(fit(parts, data(), wild({ earlyStopping, epochs: 5 }), await first.checkpoint()));
    expectSameBits(await values(parts), await values(whole));
  });

  test.each([
    { path: 'earlyStopping.patience', why: 'is zero', earlyStopping: { patience: 0 } },
    { path: 'earlyStopping.minDelta', why: 'is negative', earlyStopping: { patience: 1, minDelta: -1 } },
  ])('$path throws if it $why', ({ path, earlyStopping }) => {
    const error = thrown(() => fit(newModel(), data(), wild({ earlyStopping })));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  });
});

test.each<[string, Partial<FitOptions>]>([
  ['earlyStopping', { earlyStopping: { patience: 3 } }],
  ['average.patience', { average: { kind: 'polyak', patience: 3 } }],
  ['schedule', { schedule: reduceOnPlateau() }],
])('%s throws without validation data', (path, more) => {
  for (const validation of [undefined, null]) {
    const only: TrainingData = { train: data().train, ...(validation === null ? { validation } : {}) };
    const problem = problemOf(
      thrown(() => fit(newModel(), only, { optimizer: adam(), ...more })),
      'INVALID_SETTING',
    );
    expect(problem).toMatchObject({ path, problem: 'needs validation data.' });
  }
});

describe('gradient noise', () => {
  /** The noise that the update after `before` others adds to the weights, with sgd and a learning rate of 1. */
  async function noise(before: number, more: Partial<FitOptions>): Promise<number[]> {
    const spec: ModelSpec = {
      ...SPEC,
      layers: SPEC.layers.map((l) => (l.kind === 'lstm' ? { ...l, hiddenSize: 40 } : l)),
    };
    const weights = async (options: Partial<FitOptions>) => {
      const model = newModel(spec);
      const training = {
        update: before,
        epoch: 1,
        batch: 0,
        lossSum: 0,
        due: null,
        optimizer: new Map(),
        observed: {},
        carried: null,
      };
      const { rng } = await fit(model, data(), { optimizer: sgd({ learningRate: 1 }) }).checkpoint();
      const all = { optimizer: sgd({ learningRate: 1 }), epochs: 9, maxUpdates: before + 1, ...options };
      await collect(fit(model, data(), all, { ...training, rng }));
      return values(model);
    };
    const [with_, without] = [await weights(more), await weights({})];
    return Array.from(with_, (w, i) => without[i]! - w);
  }

  test.each([
    [0, 0.01, undefined],
    [5, 0.01, undefined],
    [5, 0.3, 1],
    [5, 0.3, 0],
  ])('after %d updates, eta %d, gamma %s: mean 0, variance eta / (1 + t)^gamma', async (t, eta, gamma) => {
    const all = await noise(t, { gradientNoise: { eta, ...(gamma === undefined ? {} : { gamma }) } });
    const variance = eta / (1 + t) ** (gamma ?? 0.55);
    const n = all.length;
    const mean = all.reduce((sum, x) => sum + x, 0) / n;
    const found = all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
    // Five standard errors of each.
    expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(variance / n));
    expect(Math.abs(found / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  });

  test('is the same with the same seed, and differs between seeds and updates', async () => {
    const gradientNoise = { eta: 0.01, gamma: 0 };
    const first = await noise(0, { gradientNoise });
    expect(await noise(0, { gradientNoise })).toEqual(first);
    for (const other of [await noise(1, { gradientNoise }), await noise(0, { gradientNoise, seed: 99 })]) {
      expect(Math.abs(other[0]! - first[0]!)).toBeGreaterThan(1e-6);
    }
  });

  test.each([
    { path: 'gradientNoise.eta', why: 'is negative', gradientNoise: { eta: -1 } },
    { path: 'gradientNoise.gamma', why: 'is NaN', gradientNoise: { eta: 1, gamma: Number.NaN } },
  ])('$path throws if it $why', ({ path, gradientNoise }) => {
    const error = thrown(() => fit(newModel(), data(), { optimizer: adam(), gradientNoise }));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  });
});

describe('average, early stopping, schedule and noise together', () => {
  const noisy: ModelSpec = {
    seed: 5,
    layers: [
      { kind: 'embedding', size: SIZE, width: 4, dropout: 0.2 },
      { kind: 'dropout', rate: 0.3 },
      { kind: 'lstm', hiddenSize: 6, dropConnect: 0.3, recurrentDropout: 0.2, zoneout: { h: 0.1, c: 0.2 } },
      { kind: 'dropout', rate: 0.2, shared: 'steps' },
      { kind: 'activity', alpha: 0.1, beta: 0.2 },
      { kind: 'linear', size: SIZE },
    ],
  };
  const options = (): FitOptions => ({
    optimizer: adam({ learningRate: 0.6 }),
    schedule: reduceOnPlateau({ factor: 0.7, patience: 1 }),
    average: { kind: 'polyak', patience: 1 },
    earlyStopping: { patience: 3 },
    gradientNoise: { eta: 0.01 },
    clipNorm: 1,
    epochs: 8,
    validateEvery: 3,
  });

  test('resuming from a file after any event gives the same bits and events', async () => {
    const whole = newModel(noisy);
    const wholeTraining = fit(whole, data(), options());
    const expected = await collect(wholeTraining);
    const [weights, end] = [await values(whole), await wholeTraining.checkpoint()];
    expect(expected.at(-1)).toMatchObject({ reason: 'stoppedEarly' });
    expect(end.observed.average![0]).toBeGreaterThan(0); // the average has started
    expect(end.observed.schedule![0]).toBeLessThan(1); // the learning rate has been lowered

    const model = newModel(noisy);
    const training = fit(model, data(), options());
    let seen = 0;
    for await (const event of training) {
      seen++;
      const bytes = await serializeModel(model, { training: await training.checkpoint() });
      const file = parseModel(bytes);
      const copy = buildModel(createReference('float64'), file.spec);
      for (const [name, numbers] of file.parameters) copy.parameters.set(name, numbers);
      const again = fit(copy, data(), options(), file.training as TrainingState);
      expect(await collect(again)).toEqual(event.kind === 'end' ? [event] : expected.slice(seen));
      expectSameBits(await values(copy), weights);
      expect(await again.checkpoint()).toEqual(end);
    }
    expect(seen).toBe(expected.length);
  });
});

describe('a layer that cannot carry its state', () => {
  const withLstm = (more: Partial<LstmSpec>): ModelSpec => ({
    ...SPEC,
    layers: SPEC.layers.map((l) => (l.kind === 'lstm' ? ({ ...l, ...more } as LstmSpec) : l)),
  });
  const CASES: [string, Partial<LstmSpec>, string][] = [
    ['bidirectional', { direction: 'bidirectional' }, 'reads from the last step to the first'],
    ['reverse', { direction: 'reverse' }, 'reads from the last step to the first'],
    ['gateRecurrence', { cell: { gateRecurrence: true } }, 'needs the gates of the previous step'],
  ];

  test.each(CASES)(
    '%s: a stateful source throws when fit() is called, and so does stream()',
    (_name, more, problem) => {
      const model = newModel(withLstm(more));
      const wanted = { path: 'layers[1]', problem: expect.stringContaining(problem) };
      const { train, validation } = data();
      const whole = { stateful: false, length: train.length, batch: (i: number) => train.batch(i) };
      const trained = (source: TrainingData) =>
        thrown(() => fit(model, source, { optimizer: adam(), schedule: cosine }));
      for (const source of [{ train }, { train: whole, validation }]) {
        expect(problemOf(trained(source), 'INVALID_SETTING')).toMatchObject(wanted);
      }
      expect(
        problemOf(
          thrown(() => model.stream()),
          'INVALID_SETTING',
        ),
      ).toMatchObject(wanted);
    },
  );

  test.each(CASES)('%s: whole sequences can be trained', async (_name, more) => {
    const { train } = data();
    const whole = { stateful: false, length: train.length, batch: (i: number) => train.batch(i) };
    const events = await collect(fit(newModel(withLstm(more)), { train: whole }, { optimizer: adam() }));
    expect(events.at(-1)).toMatchObject({ kind: 'end', update: 4 });
  });
});
