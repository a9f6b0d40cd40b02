/** Valid calls of the exports of `unspool/tasks`, and of the methods of what they return. */
import * as tasks from '../../../dist/tasks/index.js';
import { quietly } from '../world.mjs';

const y = Array.from({ length: 40 }, (_, i) => (10 + (i % 7)).toFixed(1));
const dateOf = (i) => new Date(i * 86_400_000).toISOString().slice(0, 10);
const csv = `day,y,x\n${y.map((value, i) => `${dateOf(i)},${value},${i}`).join('\n')}`;
const table = () => tasks.parseCsv(csv, { name: 'a.csv', separator: ',', decimal: '.' });
const options = () => ({
  ...{ date: 'day', target: 'y', history: 3, horizon: 2, stride: 3, test: 6, validation: 5, inputs: ['x'] },
  ...{ known: ['weekday'], lags: [7], scale: 'standard', level: 3, missing: 'reject', quantiles: [0.1, 0.5, 0.9] },
  batchSize: 4,
});
const data = () => tasks.forecasting(table(), options());
const training = () => ({
  ...{ hiddenSize: 2, layers: 1, dropout: 0.1, bidirectional: false, seeds: [1], epochs: 1, learningRate: 0.01 },
  ...{ patience: 1, fit: { maxUpdates: 1 }, backend: { backend: 'reference' }, onEvent: () => {} },
});
const forecaster = (w) => w.once('forecaster', () => tasks.trainForecaster(data(), training()));

const labeled = () =>
  tasks.parseCsv(
    `text,label\n${Array.from({ length: 16 }, (_, i) => `${'ab'.repeat(1 + (i % 3))},${i % 2 ? 'x' : 'y'}`).join('\n')}`,
  );
const labelOptions = () => ({
  ...{ text: 'text', label: 'label', test: 3, validation: 3, seed: 1, lowerCase: true, scale: 'standard' },
  ...{ balance: 'weights', batchSize: 4 },
});
const classes = () => tasks.classification(labeled(), labelOptions());
const spaces = () =>
  tasks.tagging('ab a bab '.repeat(9), { length: 8, context: 2, test: 0.2, validation: 0.2, batchSize: 4 });
const labelTraining = () => ({
  ...{
    embeddingSize: 2,
    hiddenSize: 2,
    layers: 1,
    dropout: 0.1,
    recurrentDropout: 0.1,
    bidirectional: true,
    seeds: [1],
  },
  ...{
    epochs: 1,
    learningRate: 0.01,
    patience: 1,
    fit: { maxUpdates: 1 },
    backend: { backend: 'reference' },
    onEvent: () => {},
  },
});
const classifier = (w) => w.once('classifier', () => tasks.trainClassifier(classes(), labelTraining()));
const tagger = (w) => w.once('tagger', () => tasks.trainTagger(spaces(), labelTraining()));

/** NumPy's header and one number. */
function npy() {
  const header = `${"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".padEnd(117)}\n`;
  const begin = [0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length, 0];
  return Uint8Array.from([...begin, ...new TextEncoder().encode(header), 0, 0, 128, 63]);
}

export const tasksSubjects = {
  CALENDAR: null,
  Table: { args: () => [{ name: 'a', columns: ['x'], cells: [[1, '2', null]], lines: [2, 3, 4], decimal: '.' }] },
  parseCsv: { args: () => [csv, { name: 'a.csv', separator: ',', decimal: '.' }] },
  parseJsonLines: { args: () => ['{"x":1,"y":"a"}\n{"x":2}', { name: 'a.jsonl' }] },
  parseNpy: { args: () => [npy(), { name: 'a.npy' }] },
  kFolds: {
    args: () => [labeled(), labelOptions(), { folds: 2 }],
    after: ([made]) => made?.train.batch(0),
  },
  walkForward: {
    args: () => [table(), { ...options(), test: 7, validation: 0 }, { folds: 1 }],
    after: ([made]) => made?.train.batch(0),
  },
  forecasting: { args: () => [table(), options()], after: (made) => made.train.batch(0) },
  trainForecaster: { args: () => [data(), training()], after: (made) => made.dispose(), slow: true },
  ensemble: {
    args: async () => {
      const set = data();
      return [[await tasks.trainForecaster(set, training())], set];
    },
  },
  anomalies: { args: async (w) => [await forecaster(w), data(), { share: 0.1, table: table() }] },
  backtest: { args: async (w) => [await forecaster(w), data(), { baselines: true }] },
  forecasterFrom: { args: async (w) => [(await forecaster(w)).models, (await forecaster(w)).metadata()], open: true },
  parseClassFiles: { args: () => [[{ label: 'a', text: 'x\ny', name: 'a.txt' }], { name: 'a' }] },
  classification: {
    args: () => [labeled(), labelOptions(), labeled()].slice(0, 2),
    after: (made) => made.train.batch(0),
  },
  tagging: {
    args: () => ['ab a bab '.repeat(9), { length: 8, context: 2, test: 0.2, validation: 0.2, seed: 1, batchSize: 4 }],
    after: (made) => made.train.batch(0),
  },
  trainClassifier: { args: () => [classes(), labelTraining()], after: (made) => made.dispose(), slow: true },
  trainTagger: { args: () => [spaces(), labelTraining()], after: (made) => made.dispose(), slow: true },
  labelerEnsemble: { args: async (w) => [[await classifier(w)]] },
  testLanguageModel: {
    args: (w) => {
      const tokens = Int32Array.from({ length: 40 }, (_, i) => i % 5);
      return [w.tokens, tokens, { train: tokens, batchSize: 2, steps: 3, orders: [1, 2], bootstrap: 3 }];
    },
  },
  testLabeler: { args: async (w) => [await classifier(w), classes(), { baselines: true, bootstrap: 3 }] },
  classifierFrom: { args: async (w) => [(await classifier(w)).models, (await classifier(w)).metadata()], open: true },
  taggerFrom: { args: async (w) => [(await tagger(w)).models, (await tagger(w)).metadata()], open: true },
  pipelineFrom: { args: async (w) => [JSON.parse(JSON.stringify((await forecaster(w)).pipeline))], open: true },
};

export const tasksObjects = {
  Table: {
    make: table,
    methods: {
      numbers: () => ['y'],
      texts: () => ['day'],
      strings: () => ['day'],
      times: () => ['day'],
      place: null,
      lineOf: null,
      describe: () => [],
    },
  },
  ForecastingData: {
    make: data,
    methods: {
      spec: () => [{ hiddenSize: 2, layers: 1, dropout: 0.1, bidirectional: true, seed: 2 }],
      describe: () => [],
    },
  },
  Forecaster: {
    make: () => tasks.trainForecaster(data(), training()),
    dispose: (made) => quietly(() => made.dispose()),
    methods: {
      predict: () => [data().test.windows],
      forecast: () => [{ next: 3, method: 'recursive', coverage: 0.8, table: table() }],
      metadata: () => [],
      data: () => [table()],
      dispose: () => [],
    },
    open: ['predict'],
  },
  LabeledData: {
    make: classes,
    methods: {
      spec: () => [
        {
          embeddingSize: 2,
          hiddenSize: 2,
          layers: 1,
          dropout: 0.1,
          recurrentDropout: 0.1,
          bidirectional: true,
          seed: 2,
        },
      ],
      describe: () => [],
    },
  },
  Classifier: {
    make: () => tasks.trainClassifier(classes(), labelTraining()),
    dispose: (made) => quietly(() => made.dispose()),
    methods: { predict: () => [['ab', 'b']], data: () => [labeled()], metadata: () => [], dispose: () => [] },
    open: ['predict'],
  },
  Tagger: {
    make: () => tasks.trainTagger(spaces(), labelTraining()),
    dispose: (made) => quietly(() => made.dispose()),
    methods: { predict: () => [['abab']], data: () => ['ab a bab '.repeat(9)], metadata: () => [], dispose: () => [] },
    open: ['predict'],
  },
};
