/** The ranges of the numeric settings of models, losses, passes and trainings. */
import { describe } from '@jest/globals';
import { gradcheck, randomBatch } from '../../src/core/gradcheck.js';
import { requireLoss } from '../../src/core/losses.js';
import { requireNoise } from '../../src/core/noise.js';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { requireSpec } from '../../src/core/spec-check.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { sgd } from '../../src/optim/sgd.js';
import { fit } from '../../src/train/trainer.js';
import { buildModel } from '../support/model.js';
import { integer, number, type Range, testRanges } from '../support/ranges.js';

const SIZE = integer(1, 16777216);
const RATE = number(0, 0.9999990463256836); // 1 - 2^-20
const BELOW_ONE = 0.9999999999999998;

describe('a spec', () => {
  const of = (layer: object, rest: object = { inputSize: 2 }) =>
    requireSpec({ ...rest, layers: [layer, { kind: 'lstm', hiddenSize: 2 }] });
  const lstm = (settings: object) => of({ kind: 'lstm', hiddenSize: 2, ...settings });
  const activation = (kind: string, settings: object) =>
    lstm({ cell: { activations: { gate: { kind, ...settings } } } });
  const init = (settings: object) => lstm({ init: settings });
  const alphaOf = (kind: string): Range => [
    'layers[0].cell.activations.gate.alpha',
    number(-1e6, 1e6),
    (alpha) => activation(kind, { alpha }),
  ];
  testRanges([
    ['seed', integer(0), (seed) => of({ kind: 'lstm', hiddenSize: 2 }, { inputSize: 2, seed })],
    ['inputSize', SIZE, (inputSize) => of({ kind: 'lstm', hiddenSize: 2 }, { inputSize })],
    ['layers[0].hiddenSize', SIZE, (hiddenSize) => lstm({ hiddenSize })],
    ['layers[0].projectionSize', SIZE, (projectionSize) => lstm({ projectionSize })],
    ['layers[0].dropConnect', RATE, (dropConnect) => lstm({ dropConnect })],
    ['layers[0].recurrentDropout', RATE, (recurrentDropout) => lstm({ recurrentDropout })],
    ['layers[0].recurrentDropout.rate', RATE, (rate) => lstm({ recurrentDropout: { kind: 'candidate', rate } })],
    ['layers[0].zoneout', RATE, (zoneout) => lstm({ zoneout })],
    ['layers[0].zoneout.h', RATE, (h) => lstm({ zoneout: { h } })],
    ['layers[0].zoneout.c', RATE, (c) => lstm({ zoneout: { c } })],
    ['layers[0].cell.clip', number(Number.MIN_VALUE, 1e30), (clip) => lstm({ cell: { clip } })],
    alphaOf('leakyRelu'),
    alphaOf('scaledTanh'),
    ['layers[0].init.input.bound', number(0), (bound) => init({ input: { kind: 'uniform', bound } })],
    ['layers[0].init.input.std', number(0), (std) => init({ input: { kind: 'normal', std } })],
    ['layers[0].init.input.std', number(0), (std) => init({ input: { kind: 'truncatedNormal', std } })],
    ['layers[0].init.input.gain', number(0), (gain) => init({ input: { kind: 'orthogonal', gain } })],
    ['layers[0].init.input.value', number(-1e30, 1e30), (value) => init({ input: { kind: 'constant', value } })],
    ['layers[0].size', SIZE, (size) => of({ kind: 'embedding', size, width: 2 }, {})],
    ['layers[0].width', SIZE, (width) => of({ kind: 'embedding', size: 3, width }, {})],
    ['layers[0].dropout', RATE, (dropout) => of({ kind: 'embedding', size: 3, width: 2, dropout }, {})],
    ['layers[0].size', SIZE, (size) => of({ kind: 'linear', size })],
    ['layers[0].rate', RATE, (rate) => of({ kind: 'dropout', rate })],
    ['layers[0].steps', SIZE, (steps) => of({ kind: 'repeat', steps })],
    ['layers[0].alpha', number(0), (alpha) => of({ kind: 'activity', alpha })],
    ['layers[0].beta', number(0), (beta) => of({ kind: 'activity', beta })],
  ]);
});

describe('a loss', () => {
  const loss = (settings: object) => requireLoss(settings as never);
  testRanges([
    ['loss.labelSmoothing', number(0, 1), (labelSmoothing) => loss({ kind: 'crossEntropy', labelSmoothing })],
    ['loss.classWeights[1]', number(0), (w) => loss({ kind: 'crossEntropy', classWeights: [1, w] })],
    ['loss.ignoreIndex', integer(-2147483648, 2147483647), (n) => loss({ kind: 'crossEntropy', ignoreIndex: n })],
    ['loss.blank', integer(0, 16777216), (blank) => loss({ kind: 'ctc', blank })],
    ['loss.delta', number(Number.MIN_VALUE), (delta) => loss({ kind: 'huber', delta })],
    ['loss.quantiles[0]', number(0, 1), (q) => loss({ kind: 'quantile', quantiles: [q, 0.5] })],
  ]);
});

const spec: ModelSpec = { inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] };
const kernels = createReference('float64');
const model = () => buildModel(kernels, spec);
const inputs = new Float32Array(12);
const batch = { steps: 3, batchSize: 2, inputs, targets: new Float32Array(18) };

describe('a pass', () => {
  const COUNT = integer(1, 16777216);
  testRanges([
    ['steps', COUNT, (steps) => model().gradients({ ...batch, steps })],
    ['batchSize', COUNT, (batchSize) => model().gradients({ ...batch, batchSize })],
    ['batchSize', COUNT, (batchSize) => model().predict(inputs, { batchSize })],
    ['noise.seed', integer(0, 4294967295), (seed) => requireNoise({ seed, update: 0 })],
    ['noise.update', integer(0), (update) => requireNoise({ seed: 1, update })],
    [
      'noise.part.row',
      integer(0, 268435456),
      (row) => requireNoise({ seed: 1, update: 0, part: { step: 0, row, rows: 3 } }),
    ],
    ['count', integer(1, 16777214), (count) => model().stream(2).addRows(count)],
    ['indices[1]', integer(0, 2), (row) => model().stream(3).removeRows([0, row])],
    ['n', integer(1), (n) => createRng(1, 'x').integer(n)],
  ]);
});

describe('gradcheck', () => {
  const COUNT = integer(1, 16777216);
  const check = (options: object) => gradcheck(model(), batch, options);
  testRanges([
    ['epsilon', number(1e-12, 1), (epsilon) => check({ epsilon })],
    ['tolerance', number(Number.MIN_VALUE), (tolerance) => check({ tolerance })],
    ['perTensor', integer(1), (perTensor) => check({ perTensor })],
    ['steps', COUNT, (steps) => randomBatch(spec, { steps, batchSize: 2 }, 3)],
    ['batchSize', COUNT, (batchSize) => randomBatch(spec, { steps: 3, batchSize }, 3)],
    ['outputSize', COUNT, (outputSize) => randomBatch(spec, { steps: 3, batchSize: 2 }, outputSize)],
  ]);
});

describe('a training', () => {
  const train = { stateful: false, length: 1, batch: () => batch };
  const start = (options: object) => fit(model(), { train }, { optimizer: sgd({ learningRate: 0.1 }), ...options });
  const average = (settings: object) => start({ average: settings });
  const stopping = (settings: object) =>
    fit(
      model(),
      { train, validation: train },
      { optimizer: sgd({ learningRate: 0.1 }), earlyStopping: settings as never },
    );
  testRanges([
    ['epochs', integer(1), (epochs) => start({ epochs })],
    ['maxUpdates', integer(1), (maxUpdates) => start({ maxUpdates })],
    ['clipNorm', number(Number.MIN_VALUE), (clipNorm) => start({ clipNorm })],
    ['clipValue', number(Number.MIN_VALUE), (clipValue) => start({ clipValue })],
    ['gradientNoise.eta', number(0), (eta) => start({ gradientNoise: { eta } })],
    ['gradientNoise.gamma', number(0, 10), (gamma) => start({ gradientNoise: { eta: 1, gamma } })],
    ['validateEvery', integer(1), (validateEvery) => start({ validateEvery })],
    ['seed', integer(0), (seed) => start({ seed })],
    ['average.decay', number(0, BELOW_ONE), (decay) => average({ kind: 'ema', decay })],
    ['average.start', integer(1), (from) => average({ kind: 'polyak', start: from })],
    ['average.patience', integer(1), (patience) => average({ kind: 'polyak', patience })],
    ['earlyStopping.patience', integer(1), (patience) => stopping({ patience })],
    ['earlyStopping.minDelta', number(0), (minDelta) => stopping({ patience: 1, minDelta })],
  ]);
});
