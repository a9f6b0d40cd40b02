/** Valid calls of the exports of `unspool`, and of the methods of what they return. */

import * as main from '../../../dist/index.js';
import { N, oneBatch, richSpec, source, T, text, tokenBatch, tokenSpec, valueSpec } from '../world.mjs';

const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i));
const optimizer = (w) => w.main.adam({ learningRate: 0.01 });
const data = () => ({ train: source(), validation: source() });

/** Uses an optimizer for one update. */
const useOptimizer = async (made, w) => {
  const { model, main, gradients } = w;
  const run = new main.OptimizerRun(model.kernels, made, model.parameters);
  run.apply(gradients.matrix, 1, 0.01);
  run.free();
};
const useSchedule = (made) => (typeof made === 'object' ? made.factor : made)(2, 10, { epoch: 1, epochs: 2 });
const useModel = async (model) => {
  const tokens = model.spec.layers[0]?.kind === 'embedding';
  await model.predict(tokens ? Int32Array.of(0, 0) : numbers(2 * model.spec.inputSize));
  model.dispose();
};
const useText = ({ train, validation }) => [train.batch(0), validation?.batch(0)];
/** Settings that every optimizer has. */
const common = { learningRate: 0.01, weightDecay: 0.1 };
const optimizers = {
  adadelta: { ...common, rho: 0.9, eps: 1e-6 },
  adagrad: { ...common, eps: 1e-6 },
  adam: { ...common, beta1: 0.9, beta2: 0.99, eps: 1e-8 },
  adamW: { ...common, beta1: 0.9 },
  amsgrad: { ...common, beta1: 0.9 },
  lamb: { ...common },
  lion: { ...common, beta1: 0.9 },
  nadam: { ...common },
  radam: { ...common },
  rmsprop: { ...common, momentum: 0.9 },
  sgd: { ...common, momentum: 0.9, nesterov: true },
};
const schedules = {
  stepDown: { every: 3, factor: 0.5 },
  exponential: { factor: 0.9, every: 'epoch' },
  cosineTo: { steps: 10, min: 0.1 },
  cosineRestarts: { first: 4, mult: 2, min: 0.1 },
  oneCycle: { steps: 10, share: 0.3 },
  linearWarmup: { steps: 4, from: 0.1 },
  reduceOnPlateau: { factor: 0.5, patience: 2, threshold: 1e-4 },
};
const fitOptions = (w) => ({
  ...{ optimizer: optimizer(w), loss: 'meanSquaredError', schedule: w.main.cosine, epochs: 2, maxUpdates: 3 },
  ...{ clipNorm: 1, clipValue: 1, gradientNoise: { eta: 0.1, gamma: 0.55 }, validateEvery: 1, seed: 1 },
  ...{ average: { kind: 'ema', decay: 0.9 }, earlyStopping: { patience: 2 } },
});

const schedule = (name) => ({ args: () => [{ ...schedules[name] }], after: useSchedule });
const named = (name) => ({ args: () => [2, 10, { epoch: 1, epochs: 2 }], of: name, open: true });

export const mainSubjects = {
  ...Object.fromEntries(
    Object.entries(optimizers).map(([name, settings]) => [
      name,
      { args: () => [{ ...settings }], after: useOptimizer },
    ]),
  ),
  ...Object.fromEntries(Object.keys(schedules).map((name) => [name, schedule(name)])),
  ...Object.fromEntries(['constant', 'linear', 'cosine'].map((name) => [name, named(name)])),
  Arena: { args: (w) => [w.kernels, w.layout], after: (arena) => arena.free() },
  ClassificationMetrics: { args: () => [3, { topK: 2 }], after: (made) => made.add([0, 1, 2], [1]).toString() },
  OPTIMIZERS: null,
  OptimizerRun: { args: (w) => [w.kernels, optimizer(w), w.model.parameters], after: (run) => run.free() },
  ParameterLayout: {
    open: true, // entries of another layout have more
    args: () => [
      [
        { name: 'a', shape: [2, 3] },
        { name: 'b', shape: [3] },
      ],
    ],
  },
  RegressionMetrics: { args: () => [], after: (made) => made.add([1, 2], [2, 3]).rmse },
  SCHEDULES: null,
  TrainingSnapshots: { args: (w) => [w.model, main.fit(w.model, data(), { optimizer: optimizer(w) })] },
  UnspoolError: { open: true, args: () => [{ code: 'INVALID_SETTING', path: 'a', problem: 'is wrong.' }] },
  Vocabulary: { args: () => [[...'abc']], after: (made) => made.encode('abc') },
  bitsPerCharacter: { args: () => [1.5] },
  perplexity: { args: () => [1.5] },
  chain: {
    args: () => [[{ steps: 4, schedule: main.linear }, { schedule: main.cosineTo({ steps: 4 }) }]],
    after: useSchedule,
  },
  createModel: {
    args: () => [valueSpec(), { backend: 'reference', precision: 'float64', threads: 1, lengths: true }],
    after: useModel,
  },
  'createModel of every setting': {
    of: 'createModel',
    args: () => [richSpec()],
    after: useModel,
  },
  'createModel on a backend': {
    of: 'createModel',
    args: (w) => [tokenSpec(), { kernels: w.kernels }],
    after: useModel,
  },
  createOptimizer: { args: () => [{ kind: 'sgd', learningRate: 0.1, momentum: 0.9 }], after: useOptimizer },
  'createOptimizer of groups': {
    of: 'createOptimizer',
    args: () => [
      {
        ...{ kind: 'grouped', learningRate: 1, rest: { kind: 'lion', learningRate: 0.1 } },
        groups: [
          { match: '*.bias_*', optimizer: { kind: 'adam', learningRate: 0.1, beta1: 0.5 } },
          { match: ['head.weight', 'lstm.w*'], optimizer: null },
        ],
      },
    ],
    after: useOptimizer,
  },
  createRng: {
    args: () => [1, 'purpose'],
    after: (rng) => [rng.uniform(), rng.normal(), rng.integer(3), rng.state()],
  },
  createSchedule: {
    args: () => [
      {
        kind: 'chain',
        parts: [{ steps: 4, schedule: 'linear' }, { schedule: { kind: 'cosineTo', steps: 4, min: 0.1 } }],
      },
    ],
    after: useSchedule,
  },
  describeBackend: { args: () => [{ backend: 'wasm', precision: 'float32', threads: 2 }] },
  deserializeModel: {
    args: async (w) => [await w.file, { backend: 'auto', threads: 1 }, 'a name'],
    after: ({ model }) => useModel(model),
  },
  estimateMemory: {
    open: ['[1]'],
    args: (w) => [
      valueSpec(),
      { steps: 4, batchSize: 2 },
      { optimizer: optimizer(w), loss: 'meanSquaredError', weights: true, limit: 1e9 },
    ],
  },
  evaluate: { args: (w) => [w.model, source(), 'meanSquaredError', (output, batch) => [output, batch]] },
  'evaluate of tokens': { of: 'evaluate', args: (w) => [w.tokens, source(tokenBatch)] },
  fit: {
    settings: ['[2]'],
    args: (w) => [w.model, data(), fitOptions(w)],
    after: async (training) => training?.dispose?.(),
  },
  'fit to resume': {
    open: ['[3]', '[3].observed', '[3].carried', '[3].rng', '[3].settings', '[3].settings.model'],
    settings: ['[2]'],
    of: 'fit',
    args: async (w) => [w.model, data(), { optimizer: optimizer(w), epochs: 2 }, await checkpointOf(w)],
    after: async (training) => training?.dispose?.(),
  },
  beamSearch: { args: (w) => [w.tokens, [1, 2], { beams: 2, length: 3 }] },
  accumulate: {
    args: () => [source(), 2, (model, batch, options) => model.gradients(batch, options)],
  },
  findLearningRate: {
    args: (w) => [
      w.model,
      { train: source() },
      { optimizer: main.adam(), from: 0.001, to: 0.1, updates: 10, clipNorm: 1, seed: 2 },
    ],
  },
  generateText: {
    args: (w) => [w.tokens, new main.Vocabulary([...'abcde']), 'ab', w.rng(), { topP: 0.9, length: 3, stop: ['a'] }],
    after: async (pieces) => {
      for await (const _ of pieces);
    },
  },
  generate: { args: (w) => [w.tokens, [1, 2], w.rng(), { temperature: 0.5, topK: 2 }] },
  gradcheck: {
    args: async (w) => [
      await w.once('float64', () => main.createModel(valueSpec(), { precision: 'float64', lengths: true })),
      oneBatch(),
      { loss: 'meanSquaredError', epsilon: 1e-4, tolerance: 1e-5, perTensor: 1, noise: { seed: 1, update: 1 } },
    ],
  },
  grouped: {
    args: () => [{ groups: [{ match: '*.bias_*', optimizer: main.sgd({ learningRate: 0.1 }) }], rest: main.adam() }],
    after: useOptimizer,
  },
  ngramBitsPerCharacter: { args: () => [Int32Array.of(0, 1, 2, 0, 1), Int32Array.of(0, 1), 3, 2] },
  parseModel: { args: async (w) => [await w.file, 'a name'] },
  randomBatch: { open: ['[1]'], args: () => [valueSpec(), { steps: T, batchSize: N }, 2, 1, 'meanSquaredError'] },
  readSafetensors: { args: async (w) => [await w.file, 'a name'] },
  restoreRng: { open: true, args: (w) => [w.rng().state()], after: (rng) => rng.uniform() },
  sampleToken: {
    args: (w) => [[0.1, 0.5, 2], w.rng(), { temperature: 0.5, topK: 2, topP: 0.9, repetitionPenalty: 2 }, [0, 1]],
  },
  scheduleSpec: { args: () => [main.stepDown({ every: 3, factor: 0.5 })] },
  selectKernels: {
    args: () => [{ backend: 'reference', precision: 'float64', threads: 1 }],
    after: (kernels) => kernels.dispose(),
  },
  serializeModel: {
    args: async (w) => [
      w.tokens,
      {
        vocabulary: new main.Vocabulary([...'abcde']),
        metadata: { a: [1, { b: 'c' }] },
        training: await checkpointOf(w),
      },
    ],
    open: [
      '[1].metadata',
      '[1].metadata.a.1',
      '[1].training',
      '[1].training.rng',
      '[1].training.observed',
      '[1].training.settings',
    ],
    after: (bytes) => main.parseModel(bytes),
  },
  tensorValues: {
    open: true,
    args: async (w) => [[...main.readSafetensors(await w.file).tensors.values()][0], 'a name'],
  },
  textStreams: {
    args: () => [text, { batchSize: 2, steps: 4, validationSplit: 0.2, vocabulary: main.Vocabulary.of(text) }],
    after: useText,
  },
  validationStreams: {
    args: () => [Int32Array.from({ length: 50 }, (_, i) => i % 5), 2, 4],
    after: (made) => made.batch(0),
  },
  writeSafetensors: {
    args: () => [
      [
        { name: 'a', shape: [2], data: new Float32Array(2) },
        { name: 'b', shape: [], data: new Float64Array(1) },
      ],
      { key: 'text' },
    ],
    open: ['[1]', '[0].0', '[0].1'],
    after: (bytes) => main.readSafetensors(bytes),
  },
};

async function checkpointOf(w) {
  return w.once('checkpoint', async () => {
    const training = w.main.fit(w.model, data(), { optimizer: optimizer(w), epochs: 2 });
    for await (const event of training) if (event.kind === 'update') break;
    const state = await training.checkpoint();
    training.dispose();
    return state;
  });
}
