/** A state is resumed only with the model, data and options that decide the rest of its training. */
import { describe, expect, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import type { BatchSource } from '../../src/data/source.js';
import { estimatorGradient } from '../../src/estimators/fit.js';
import { tbptt } from '../../src/estimators/methods/backwards.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { adam } from '../../src/optim/adam.js';
import { cosine, linear, stepDown } from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit, type TrainingData, type TrainingState } from '../../src/train/trainer.js';
import { problemOf, rejected } from '../support/errors.js';
import { clone, collect, data, newModel, ROWS, SPEC, STEPS, twoLayers } from './fit-support.js';

const OPTIONS: FitOptions = { optimizer: adam({ learningRate: 0.01 }), epochs: 3, clipNorm: 0.5, schedule: cosine };

/** The model and the state after update `at`. */
async function saved(at = 6, options = OPTIONS, source: TrainingData = data()) {
  const model = newModel();
  const training = fit(model, source, options);
  for await (const event of training) if (event.update === at) break;
  return { model, state: await training.checkpoint() };
}

interface Other {
  readonly options?: Partial<FitOptions>;
  readonly data?: TrainingData;
  readonly model?: (model: Model) => Model | Promise<Model>;
}

const resume = async ({ model, state }: { model: Model; state: TrainingState }, other: Other) =>
  collect(fit(await (other.model ?? clone)(model), other.data ?? data(), { ...OPTIONS, ...other.options }, state));

const changed = (from: BatchSource, at: number): BatchSource => ({
  stateful: true,
  length: from.length,
  batch(index) {
    const batch = from.batch(index);
    return index === at
      ? { ...batch, inputs: batch.inputs.length > 2 ? [1, ...Array.from(batch.inputs).slice(1)] : [] }
      : batch;
  },
});

/** The same batches in every epoch. */
const inOrder = (): TrainingData => {
  const { train, validation } = data();
  return { train: { stateful: true, length: train.length, batch: (i) => train.batch(i) }, validation };
};

describe('resuming with another', () => {
  test.each<[string, Other]>([
    ['optimizer', { options: { optimizer: sgd({ learningRate: 0.01 }) } }],
    ['optimizer', { options: { optimizer: adam({ learningRate: 0.02 }) } }],
    ['optimizer', { options: { optimizer: { kind: 'adam', learningRate: 0.01, beta1: 0.8 } } }],
    ['schedule', { options: { schedule: linear } }],
    ['schedule', { options: { schedule: stepDown({ every: 2, factor: 0.5 }) } }],
    ['schedule', { options: { schedule: () => 1 } }],
    ['loss', { options: { loss: { kind: 'crossEntropy', labelSmoothing: 0.1 } } }],
    ['clipNorm', { options: { clipNorm: 0.6 } }],
    ['clipValue', { options: { clipValue: 1 } }],
    ['gradientNoise', { options: { gradientNoise: { eta: 0.1 } } }],
    ['average', { options: { average: { kind: 'ema', decay: 0.9 } } }],
    ['earlyStopping', { options: { earlyStopping: { patience: 2 } } }],
    ['seed', { options: { seed: 5 } }],
    ['gradient', { options: { gradient: estimatorGradient(tbptt({ k1: 2, k2: 2 })) } }],
    ['model', { model: () => twoLayers('float64') }],
    ['precision', { model: (model) => newModel(model.spec, 'float32') }],
    [
      'train.length',
      {
        data: {
          train: changed({ ...data().train, length: 3, stateful: true, batch: (i) => data().train.batch(i) }, 9),
        },
      },
    ],
    ['train.stateful', { data: { train: { length: 4, batch: (i) => data().train.batch(i) } } }],
  ])('%s throws INVALID_DATA that names it', async (name, other) => {
    const problem = problemOf(await rejected(async () => resume(await saved(), other)), 'INVALID_DATA');
    expect(problem.problem).toMatch(new RegExp(`^it is from another training: (.*; )?${name} was .* and is `));
  });

  test('text, batch size or number of steps throws, and so does any batch of the first eight', async () => {
    const rejects = async (from: TrainingData, to: TrainingData, problem: string | RegExp) =>
      expect(
        problemOf(await rejected(async () => resume(await saved(6, OPTIONS, from), { data: to })), 'INVALID_DATA')
          .problem,
      ).toMatch(problem);
    const { train } = data();
    const { tokens } = train;
    const Streams = train.constructor as new (tokens: Int32Array, rows: number, steps: number) => typeof train;
    const other = tokens.map((token) => (token + 1) % 5);
    const cut = tokens.subarray(0, ROWS * STEPS * 4 + STEPS + 1);
    await rejects(data(), { train: new Streams(other, ROWS, STEPS) }, 'batch 0 of train');
    await rejects(
      { train: new Streams(cut, ROWS, STEPS) },
      { train: new Streams(cut, STEPS, ROWS) },
      'batch 0 of train',
    );
    for (const at of [0, 2, 3]) {
      await rejects(inOrder(), { train: changed(inOrder().train, at) }, `batch ${at} of train has other numbers`);
    }
  });

  test('validation data throws if the training depends on them', async () => {
    const { train, validation } = data();
    const other = { train, validation: { ...changed(validation, 1), length: validation.length } };
    const options = { ...OPTIONS, earlyStopping: { patience: 9 } };
    const error = await rejected(async () => resume(await saved(6, options), { options, data: other }));
    expect(problemOf(error, 'INVALID_DATA').problem).toContain('batch 1 of validation has other numbers');
    expect((await resume(await saved(6), { data: other })).at(-1)).toMatchObject({ update: 12 });
  });

  test('weights than at the checkpoint throws, and so does a model of the same spec', async () => {
    const { model, state } = await saved();
    for (const other of [newModel(), newModel({ ...SPEC, seed: 8 })]) {
      const act = () => resume({ model, state }, { model: () => other });
      expect(problemOf(await rejected(act), 'INVALID_DATA').problem).toMatch(
        /other weights than at the checkpoint|seed was/,
      );
    }
  });
});

test('epochs, maxUpdates and validateEvery may change', async () => {
  const events = await resume(await saved(), { options: { epochs: 9, maxUpdates: 30, validateEvery: 2 } });
  expect(events.at(-1)).toMatchObject({ kind: 'end', update: 30 });
});

test('a name, or settings in another order, is the same optimizer', async () => {
  const optimizer = { learningRate: 0.01, beta1: 0.9, kind: 'adam' };
  expect((await resume(await saved(), { options: { optimizer, schedule: 'cosine' } })).at(-1)).toMatchObject({
    update: 12,
  });
});

test('an entry that is removed from the settings may change, and a state without settings is resumed as before', async () => {
  const { model, state } = await saved();
  const { optimizer: _, ...settings } = state.settings!;
  const faster = { options: { optimizer: adam({ learningRate: 0.02 }) } };
  expect((await resume({ model, state: { ...state, settings } }, faster)).at(-1)).toMatchObject({ update: 12 });
  const { settings: __, weightSum: ___, ...former } = state;
  expect((await resume({ model, state: former }, { options: { clipNorm: 9 } })).at(-1)).toMatchObject({ update: 12 });
});

test('settings that JSON cannot hold throw INVALID_SETTING', async () => {
  const { model, state } = await saved(1);
  const damaged = { ...state, settings: { ...state.settings, optimizer: { learningRate: 1n } } };
  const error = await rejected(() => resume({ model, state: damaged }, {}));
  expect(problemOf(error, 'INVALID_SETTING').path).toBe('checkpoint.settings');
});

test('the settings are the same after a file', async () => {
  const { model, state } = await saved(3, {
    ...OPTIONS,
    average: { kind: 'polyak' },
    gradientNoise: { eta: 0.1, gamma: 1 },
  });
  expect(parseModel(await serializeModel(model, { training: state })).training).toEqual(state);
});

test.each<[string, unknown]>([
  ['null', null],
  ['a string', 'state'],
  ['an empty object', {}],
  [
    'a state without a generator',
    { update: 1, epoch: 1, batch: 1, lossSum: 1, due: null, optimizer: new Map(), observed: {}, carried: null },
  ],
])('resuming from %s throws INVALID_DATA', async (_, state) => {
  const error = await rejected(async () => collect(fit(newModel(), data(), OPTIONS, state as TrainingState)));
  expect(problemOf(error, 'INVALID_DATA').what).toBe('checkpoint');
});

test('the loss of an epoch weighs its batches: of unequal size, and with weights', async () => {
  const batches = [3, 1].map((steps) => {
    const tokens = Int32Array.from({ length: steps }, (_, i) => i + steps);
    return { steps, batchSize: 1, inputs: tokens, targets: tokens, ...(steps === 3 && { weights: [1, 0, 2] }) };
  });
  const train = { length: 2, batch: (i: number) => batches[i]! };
  const events = await collect(fit(newModel(), { train }, { optimizer: sgd({ learningRate: 0 }) }));
  const [a, b, epoch] = events.map((event) => ('loss' in event ? event.loss : 0));
  expect(epoch).toBeCloseTo((a! * 3 + b! * 1) / 4, 12);
  expect(Math.abs(a! - b!)).toBeGreaterThan(0.01);
});
