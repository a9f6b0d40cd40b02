/** A training on several ranks ends with the same bits as on one: whatever the model, the data and the options. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/batch.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { accumulate } from '../../src/train/accumulate.js';
import { type FitOptions, fit, type TrainingData } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { testRandom } from '../support/random.js';
import { collect, newModel, SPEC, TWO_LAYERS, data as textData, values } from '../train/fit-support.js';
import { OPTIONS, type Setup, train } from './support.js';

const [T, N, D, C] = [4, 11, 3, 4];
const random = testRandom(5);
const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.uniform() * 2 - 1);
const classes = (count: number): Int32Array => Int32Array.from({ length: count }, () => random.integer(C));

/** Batches with other numbers of sequences: some shards are empty, and their sizes differ. */
const batchesOf = (make: (rows: number) => Partial<Batch>): (() => TrainingData) => {
  const list = [N, 5, N].map((rows) => ({
    ...{ steps: T, batchSize: rows, inputs: numbers(T * rows * D), targets: classes(T * rows) },
    ...make(rows),
  }));
  const train = { length: list.length, batch: (i: number) => list[i]! };
  return () => ({ train, validation: { length: 1, batch: () => list[1]! } });
};

const sequences = (rows: number) => Int32Array.from({ length: rows }, () => 1 + random.integer(T));
const valueSpec = (...layers: ModelSpec['layers']): ModelSpec => ({
  seed: 3,
  inputSize: D,
  layers: [...layers, { kind: 'linear', size: C }],
});
const LSTM = { kind: 'lstm', hiddenSize: 5 } as const;
const plain = batchesOf(() => ({}));

const CASES: readonly (readonly [string, Setup])[] = [
  ['text with a carried state', { spec: TWO_LAYERS, data: textData }],
  ['values, in float64', { spec: valueSpec(LSTM), data: plain, precision: 'float64' }],
  ['lengths', { spec: valueSpec(LSTM), data: batchesOf((rows) => ({ lengths: sequences(rows) })) }],
  [
    'weights, some of which are 0',
    { spec: valueSpec(LSTM), data: batchesOf((n) => ({ weights: numbers(T * n).map((w) => Math.max(0, w)) })) },
  ],
  [
    'ignored classes',
    { spec: valueSpec(LSTM), data: batchesOf((n) => ({ targets: classes(T * n).map((c) => c - 1) })) },
  ],
  [
    'sequences first, and the last step only',
    {
      spec: valueSpec({ ...LSTM, returns: 'last' }),
      data: batchesOf((rows) => ({ batchFirst: true, targets: classes(rows) })),
    },
  ],
  [
    'dropout of every kind',
    {
      spec: valueSpec(
        { kind: 'dropout', rate: 0.3 },
        { ...LSTM, recurrentDropout: { kind: 'candidate', rate: 0.2 }, dropConnect: 0.1, zoneout: { h: 0.1, c: 0.2 } },
        { kind: 'dropout', rate: 0.3, shared: 'steps', name: 'second' },
      ),
      data: plain,
    },
  ],
  ['bidirectional', { spec: valueSpec({ ...LSTM, direction: 'bidirectional' }), data: plain }],
  [
    'CTC',
    {
      spec: valueSpec(LSTM),
      data: batchesOf((n) => ({ targets: Int32Array.from({ length: 2 * n }, (_, i) => 1 + (i % (C - 1))) })),
      options: { loss: 'ctc' },
    },
  ],
  ['squared error', { spec: valueSpec(LSTM), data: batchesOf((n) => ({ targets: numbers(T * n * C) })) }],
  ['a sum', { spec: valueSpec(LSTM), data: plain, options: { loss: { kind: 'crossEntropy', reduction: 'sum' } } }],
  [
    'averages, early stopping and noise',
    {
      spec: SPEC,
      data: textData,
      options: {
        average: { kind: 'ema', decay: 0.9 },
        earlyStopping: { patience: 1 },
        validateEvery: 1,
        gradientNoise: { eta: 0.1 },
        clipValue: 0.1,
      } as Partial<FitOptions>,
    },
  ],
  [
    'accumulated batches, with dropout',
    {
      spec: { ...SPEC, layers: SPEC.layers.toSpliced(1, 0, { kind: 'dropout', rate: 0.3 }) },
      data: textData,
      accumulate: 2,
    },
  ],
  ['3 shards', { spec: SPEC, data: textData, distributed: { shards: 3 } }],
  ['7 shards', { spec: valueSpec(LSTM), data: plain, distributed: { shards: 7 } }],
];

describe('the same bits on any number of ranks', () => {
  test.each(CASES)('%s', async (name, setup) => {
    const [expected] = await train(1, setup);
    for (const size of name === CASES[0]![0] ? [2, 4, 8] : [3]) {
      for (const { weights, events, state } of await train(size, setup)) {
        expectSameBits(weights, expected!.weights);
        expect(events).toEqual(expected!.events);
        expect(state).toEqual(expected!.state);
      }
    }
  });

  test('other shards give other bits', async () => {
    const [eight] = await train(1, CASES[0]![1]);
    const [two] = await train(2, { ...CASES[0]![1], distributed: { shards: 2 } });
    expect(two!.weights).not.toEqual(eight!.weights);
  });
});

describe('beside a training that is not distributed', () => {
  const [, text] = CASES[0]!;

  async function alone({ spec, data: make, precision = 'float32', options, accumulate: batches }: Setup) {
    const model = newModel(spec, precision);
    const data = make();
    const { train: source, ...parts } = batches ? accumulate(data.train, batches) : { train: data.train };
    const fitted = { optimizer: adam({ learningRate: 0.01 }), ...OPTIONS, ...parts, ...options };
    const training = fit(model, { ...data, train: source }, fitted);
    return { events: await collect(training), weights: await values(model) };
  }

  test.each([
    ['', text],
    [', with accumulated batches', { ...text, accumulate: 2 }],
  ])('one shard gives the same bits%s', async (_, setup) => {
    const expected = await alone(setup);
    const [one] = await train(1, { ...setup, distributed: { shards: 1 } });
    expectSameBits(one!.weights, expected.weights);
    expect(one!.events).toEqual(expected.events);
  });

  const named = (...names: string[]) => CASES.filter(([name]) => names.includes(name));
  test.each(named('lengths', 'weights, some of which are 0', 'dropout of every kind', 'CTC', 'a sum', 'squared error'))(
    'the gradient of the first update is that of the whole batch: %s',
    async (_, setup) => {
      const options = { ...setup.options, maxUpdates: 1, clipNorm: 1e9 };
      const whole = {
        ...setup,
        options: { ...options, optimizer: sgd({ learningRate: 1 }) },
        precision: 'float64' as const,
      };
      const expected = await alone(whole);
      const [, second] = await train(2, whole);
      const differences = [...second!.weights].map((w, i) => Math.abs(w - expected.weights[i]!));
      expect(Math.max(...differences)).toBeLessThan(1e-12);
    },
  );
});
