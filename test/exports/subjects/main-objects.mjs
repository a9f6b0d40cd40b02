/** What the exports of `unspool` return: how to make one, and a valid call of each method. */
import * as main from '../../../dist/index.js';
import { N, quietly, source, T, text, tokenBatch, tokenSpec, valueBatch, valueSpec } from '../world.mjs';

const numbers = (length) => Float32Array.from({ length }, (_, i) => Math.cos(i));
const names = ['a', 'b', 'c'];
const data = () => ({ train: source(), validation: source() });
const passOptions = async (w) => ({
  loss: 'meanSquaredError',
  from: await w.tape.downloadStates?.(),
  noise: { seed: 1, update: 2 },
});
const states = () => [{ h: numbers(N * 3), c: numbers(N * 3) }];

const fresh = (w) => w.create(valueSpec());

export const mainObjects = {
  Model: {
    open: ['tape'], // a batch is a shape too
    make: fresh,
    dispose: (model) => quietly(() => model.dispose()),
    methods: {
      tape: () => [
        { steps: T, batchSize: N },
        { gradients: true, inputGradient: false, lengths: true },
      ],
      arena: () => [],
      gradients: async (w) => [valueBatch(), await passOptions(w)],
      evaluate: async (w) => [valueBatch(), await passOptions(w)],
      predict: () => [numbers(T * N * 2), { batchSize: N, from: states(), lengths: [3, 2], batchFirst: true }],
      stream: () => [2],
      dispose: () => [],
    },
  },
  'Model of tokens': {
    open: ['tape'],
    make: (w) => w.create(tokenSpec()),
    dispose: (model) => quietly(() => model.dispose()),
    methods: {
      tape: () => [{ steps: T, batchSize: N }],
      arena: () => [],
      gradients: () => [
        tokenBatch(),
        { loss: { kind: 'crossEntropy', labelSmoothing: 0.1, classWeights: [1, 1, 1, 2, 1] } },
      ],
      evaluate: () => [tokenBatch(), { from: [{ h: numbers(6), c: numbers(6) }] }],
      predict: () => [[0, 1, 2, 3], { batchSize: 2 }],
      stream: () => [1],
      dispose: () => [],
    },
  },
  Tape: {
    open: ['begin', 'backward'],
    make: (w) => w.model.tape({ steps: T, batchSize: N }, { lengths: true }),
    dispose: (tape) => quietly(() => tape.free()),
    methods: {
      lstm: () => [0],
      weightsOf: () => [numbers(T * N)],
      downloadStates: () => [],
      downloadOutput: () => [],
      begin: () => [states(), { seed: 1, update: 1 }],
      setLengths: () => [[3, 2]],
      forward: (w) => [w.model.parameters, numbers(T * N * 2)],
      measure: () => ['meanSquaredError', numbers(T * N * 2), [1, 1, 1, 0.5, 1, 1]],
      allocateLoss: () => [{ kind: 'huber', delta: 1 }],
      backward: (w) => [w.model.parameters, w.model.arena(), []],
      penalty: () => [],
      free: () => [],
    },
  },
  LstmTape: {
    make: (w) => w.tape.lstm(0),
    methods: {
      step: () => [1],
      initialState: () => [],
      finalState: () => [],
      initialStateGrad: () => [],
      // A tape calls these, with what it has checked.
      ...{ cell: null, gateGradients: null, begin: null, restart: null, takeRows: null, endAtStart: null },
      ...{ pack: null, forward: null, backward: null },
    },
  },
  NdArray: {
    make: (w) => w.tape.output,
    methods: {
      get: () => [1, 1, 1],
      set: () => [1, 1, 1, 0.5],
      index: () => [1, 1, 1],
      hi: () => [2, 2, 2],
      lo: () => [1, 1, 1],
      step: () => [1, 1, 1],
      transpose: () => [1, 0, 2],
      pick: () => [1, null, null],
      toArray: () => [],
      copy: () => [],
    },
  },
  Arena: {
    make: (w) => w.model.arena(),
    dispose: (arena) => quietly(() => arena.free()),
    methods: {
      handle: () => ['lstm.weight_ih_l0'],
      get: () => ['lstm.weight_ih_l0'],
      set: () => ['lstm.bias_ih_l0', numbers(12)],
      download: () => [],
      clear: () => [],
      free: () => [],
    },
  },
  ParameterLayout: { make: (w) => w.layout, methods: { entry: () => ['lstm.weight_ih_l0'] } },
  Stream: {
    open: ['restore'],
    make: (w) => w.model.stream(2),
    dispose: (stream) => quietly(() => stream.dispose()),
    methods: {
      step: () => [numbers(4)],
      reset: () => [],
      state: () => [],
      restore: () => [states()],
      addRows: () => [1],
      removeRows: () => [[0]],
      dispose: () => [],
    },
  },
  Training: {
    make: async (w) => main.fit(await w.create(valueSpec()), data(), { optimizer: main.adam() }),
    dispose: (training) => quietly(() => training.dispose()),
    methods: { validate: () => [], checkpoint: () => [], dispose: () => [] },
  },
  TrainingSnapshots: {
    make: (w) => new main.TrainingSnapshots(w.model, main.fit(w.model, data(), { optimizer: main.adam() })),
    methods: {},
  },
  ClassificationMetrics: {
    make: () => new main.ClassificationMetrics(3, { topK: 2 }),
    methods: {
      add: () => [
        [0.1, 0.2, 0.7, 1, 2, 3],
        [2, 1],
        [1, 0.5],
      ],
      f1: () => ['micro'],
      toString: () => [names],
    },
  },
  RegressionMetrics: {
    make: () => new main.RegressionMetrics(),
    methods: {
      add: () => [
        [1, 2, 3, 4],
        [2, 3, 4, 5],
        [1, 0.5],
      ],
    },
  },
  Vocabulary: {
    make: () => new main.Vocabulary([...'abc']),
    methods: { encode: () => ['abca'], decode: () => [[0, 1, 2]], unknownIn: () => ['abcd'] },
  },
  'Vocabulary itself': { make: () => main.Vocabulary, statics: true, methods: { of: () => ['abc'] } },
  TextStreams: {
    make: () => main.textStreams(text, { batchSize: 2, steps: 4 }).train,
    methods: { batch: () => [0], shuffled: (w) => [w.rng()], describe: () => [] },
  },
  Rng: {
    make: (w) => w.rng(),
    methods: { uniform: () => [], normal: () => [], integer: () => [5], state: () => [] },
  },
  Optimizer: { make: () => main.adam(), methods: { apply: null } }, // `OptimizerRun` calls it, with what it has checked
  OptimizerRun: {
    open: true,
    make: (w) => new main.OptimizerRun(w.kernels, main.adam(), w.model.parameters),
    dispose: (run) => quietly(() => run.free()),
    methods: { apply: (w) => [w.gradients.matrix, 1, 0.01], free: () => [] },
  },
  WatchingSchedule: {
    open: true,
    make: () => main.reduceOnPlateau({ patience: 2 }),
    methods: {
      factor: () => [2, 10, { epoch: 1, epochs: 2 }],
      observe: () => [0.5],
      restore: () => [[1, 0.5, 1, 1]],
    },
  },
  UnspoolError: {
    make: () => new main.UnspoolError({ code: 'INVALID_SETTING', path: 'a', problem: 'b' }),
    methods: {},
  },
};
