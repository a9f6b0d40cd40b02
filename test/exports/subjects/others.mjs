/** Valid calls of the exports of `unspool/inspect`, `worker`, `gpu` and `node`, and of the methods of what they return. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as main from '../../../dist/index.js';
import * as inspect from '../../../dist/inspect/index.js';
import * as node from '../../../dist/node/index.js';
import { N, oneBatch, source, T, tokenBatch, valueBatch, valueSpec } from '../world.mjs';

const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i));
const grid = (rows = 4, cols = 3) => ({ rows, cols, data: numbers(rows * cols) });
const states = () => [{ h: numbers(3), c: numbers(3) }];

const layer = async (w) => (await w.trace).layers[0];

export const inspectSubjects = {
  ...{ ATTRIBUTIONS: null, CLOSED: null, GATES: null, OPEN: null, SERIES_COLORS: null },
  attribution: {
    args: (w) => [w.model, oneBatch(), { method: 'integratedGradients', step: 1, loss: 'meanSquaredError', points: 2 }],
  },
  'attribution of tokens': {
    of: 'attribution',
    args: (w) => [
      w.tokens,
      { steps: 3, batchSize: 1, inputs: [0, 1, 2], targets: Int32Array.of(1, 2, 3) },
      { method: 'gradient' },
    ],
  },
  cellStates: { args: (w) => [w.model, numbers(4)] },
  'cellStates of tokens': { of: 'cellStates', args: (w) => [w.tokens, [0, 1, 2]] },
  colorAt: { args: () => ['sign', 0.3, 'dark'] },
  logAxis: { args: () => [5] },
  logLabel: { args: () => [0.02] },
  logTicks: { args: () => [0.02, 5, 6] },
  deadUnits: { args: async (w) => [await layer(w), 1e-3], open: true },
  findNonFinite: { args: async (w) => [await w.trace], open: true },
  gateStatistics: { args: async (w) => [await layer(w)], open: true },
  gradientByLag: { args: (w) => [w.model, valueBatch(), { step: 2, row: 1, loss: 'meanSquaredError' }] },
  gradientFlow: { args: async (w) => [await layer(w)], open: true },
  isDark: { args: () => [[10, 20, 30]] },
  jacobianSpectrum: { args: (w) => [w.model, oneBatch(), { exponents: 2, state: numbers(6) }] },
  nearestPatterns: { args: () => [grid(9), [1, 3], { threshold: 0.1, count: 2 }], open: ['[0]'] },
  parameterNorms: { args: async (w) => [await w.trace], open: true },
  preactivationTerms: { args: async (w) => [await w.trace, await layer(w), 1, 'f', 2], open: true },
  stateBefore: { args: async (w) => [await layer(w), 1], open: true },
  stepAfter: { args: async (w) => [await layer(w), 1], open: true },
  stepBefore: { args: async (w) => [await layer(w), 1], open: true },
  textFeatures: { args: () => ['To be, "or not" to (be).'] },
  toNdarray: { args: (w) => [w.tape.output], after: (array) => array.get(0, 0, 0) },
  trace: {
    args: (w) => [w.model, valueBatch(), { row: 1, loss: 'meanSquaredError', from: states(), after: states() }],
  },
  'trace of tokens': { of: 'trace', args: (w) => [w.tokens, tokenBatch()] },
  unitCorrelations: {
    args: () => [
      { lstm: grid(64, 2) },
      inspect.textFeatures('ab "cd"!'.repeat(8)),
      { significance: 0.5, minEvents: 2 },
    ],
    open: true,
  },
  updateRatios: { args: async (w) => [await w.model.parameters.download(), await w.model.parameters.download()] },
  valueRange: { args: () => [grid(), 'sign'], open: ['[0]'] },
  weightGradientByStep: { args: async (w) => [await w.trace, 'lstm.weight_hh_l0', 1, 2], open: true },
};

const data = () => ({ train: source(), validation: source() });

const useModel = async (model) => {
  await model.predict(numbers(4));
  await model.dispose();
};

export const workerSubjects = {
  createModelInWorker: {
    slow: true,
    args: () => [valueSpec(), { backend: 'reference', precision: 'float64', threads: 1 }],
    after: useModel,
  },
  deserializeModelInWorker: {
    slow: true,
    args: async (w) => [await w.file, { threads: 1 }, 'a name'],
    after: async ({ model }) => model.dispose(),
  },
  serve: { fails: true, args: () => [{ sources: { mine: () => source() } }], open: ['[0].sources'] },
};

const optimizer = () => main.adam({ learningRate: 0.01 });
const fitted = async (w) => (await w.workerModel).fit(data(), { optimizer: optimizer(), maxUpdates: 2 });

export const workerObjects = {
  WorkerModel: {
    make: (w) => w.workerModel,
    methods: {
      fit: () => [
        data(),
        {
          optimizer: optimizer(),
          loss: 'meanSquaredError',
          schedule: main.cosine,
          epochs: 1,
          maxUpdates: 2,
          ahead: 1,
          seed: 1,
        },
      ],
      predict: () => [numbers(T * N * 2), { batchSize: N, from: null, lengths: [3, 2], batchFirst: true }],
      evaluate: () => [valueBatch(), { loss: 'meanSquaredError', from: null }],
      evaluateSource: () => [source(), 'meanSquaredError'],
      stream: () => [2],
      threads: () => [],
      dispose: null,
    },
  },
  WorkerParameters: {
    make: async (w) => (await w.workerModel).parameters,
    methods: { download: () => [], set: () => ['lstm.bias_ih_l0', numbers(12)] },
  },
  WorkerTraining: {
    make: fitted,
    dispose: (training) => training.dispose(),
    methods: { checkpoint: () => [], validate: () => [], pause: () => [], resume: () => [], dispose: () => [] },
  },
  WorkerStream: {
    open: ['restore'],
    make: async (w) => (await w.workerModel).stream(2),
    dispose: (stream) => stream.dispose(),
    methods: {
      step: () => [numbers(4)],
      reset: () => [],
      state: () => [],
      restore: () => [[{ h: numbers(6), c: numbers(6) }]],
      addRows: () => [1],
      removeRows: () => [[0]],
      dispose: () => [],
    },
  },
};

export const gpuSubjects = {
  GPU_MODES: null,
  createGpu: { slow: true, fails: true, args: () => ['webgl2'], after: (kernels) => kernels.dispose() },
  downloadSteps: { args: (w) => [w.kernels, w.tape.lstm(0), 1, 2] },
  fastestBackend: {
    open: ['[0]'],
    slow: true,
    args: () => [{ steps: 3, batchSize: 2 }],
    after: (measure) => measure(valueSpec(), { threads: 1 }),
  },
  measureBackends: {
    open: ['[1]'],
    slow: true,
    args: () => [valueSpec(), { steps: 3, batchSize: 2 }, { backends: ['wasm', 'reference'], updates: 2, threads: 1 }],
  },
};

let files = 0;

const fresh = (w) => join(w.folder, `file-${files++ % 50}`);
const saved = async (w) => {
  const file = join(w.folder, 'a-model');
  await w.once('saved', () => node.saveModel(file, w.tokens));
  return file;
};

const textFile = (w) => {
  const file = join(w.folder, 'a-text.txt');
  writeFileSync(file, 'she sells sea shells. '.repeat(20));
  return file;
};
const streamed = (w) =>
  w.once('streamed', () => node.textFileStreams(textFile(w), { batchSize: 2, steps: 3, folder: w.folder }));

export const nodeSubjects = {
  appendText: { args: (w) => [fresh(w), 'text'] },
  batching: {
    args: (w) => [w.model, { mostRows: 2 }],
    after: (predict) => Promise.all([1, 2, 3].map(() => predict(numbers(4), { from: states() }))),
  },
  loadModel: { args: async (w) => [await saved(w), { threads: 1 }], after: ({ model }) => model.dispose() },
  lockFile: { args: (w) => [fresh(w)], after: (release) => release() },
  readBytes: { args: async (w) => [await saved(w)] },
  readText: { args: () => [import.meta.filename] },
  revectorize: { slow: true, args: () => [] },
  saveModel: {
    args: (w) => [fresh(w), w.tokens, { vocabulary: new main.Vocabulary([...'abcde']), metadata: { a: 1 } }],
    open: ['[2].metadata'],
  },
  textFileBaselines: {
    args: async (w) => [await streamed(w), { orders: [1, 2], maxCharacters: 200, maxNgrams: 100 }],
  },
  textFileStreams: {
    args: (w) => [textFile(w), { batchSize: 2, steps: 3, validationSplit: 0.2, folder: w.folder }],
    after: (data) => data.close(),
  },
  writeFileAtomic: { args: (w) => [fresh(w), Uint8Array.of(1, 2)] },
};

export const nodeObjects = {
  TextFileData: {
    make: (w) => node.textFileStreams(textFile(w), { batchSize: 2, steps: 3, folder: w.folder }),
    methods: { close: () => [] },
  },
  TextFileStreams: {
    make: async (w) => (await streamed(w)).train,
    methods: { batch: () => [1], shuffled: (w) => [w.rng()], read: () => [3, 4] },
  },
};

const space = () => ({
  lr: { from: 0.01, to: 1, scale: 'log', integer: false, points: 2 },
  kind: { choices: ['a', 2] },
});
const trials = () =>
  [0, 1, 2, 3].map((number) => ({
    ...{ number, settings: { lr: 0.1 * (number + 1), kind: 'a' }, state: 'finished' },
    ...{ value: number, reports: [number], seconds: 1 },
  }));
const tuneOptions = () => ({
  ...{ method: 'asha', trials: 3, workers: 2, seed: 1, factor: 2, rungs: 1, done: trials().slice(0, 1) },
  ...{ signal: new AbortController().signal, onTrial: () => {} },
});

export const tuneSubjects = {
  importance: { args: () => [space(), trials()], open: ['[1]'] },
  tune: {
    args: () => [space(), async ({ lr }, { report }) => ((await report(lr)) ? lr : 0), tuneOptions()],
    open: ['[2].done'],
  },
};
