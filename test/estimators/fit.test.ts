/** Estimators as the gradient of `fit`: exact ones train as `fit` alone does, random ones are reproducible. */
import { describe, expect, test } from '@jest/globals';
import type { LossChoice } from '../../src/core/losses.js';
import type { Batch } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { textStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import {
  bptt,
  checkpointed,
  deer,
  estimatorGradient,
  everySegment,
  type GradientEstimator,
  rtrl,
  syntheticGradients,
  tbptt,
  uoro,
} from '../../src/lab/index.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { fit } from '../../src/train/trainer.js';
import { rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const TEXT = 'the old whale swam in the sea and the captain of the ship saw it. '.repeat(3);

const spec = (size: number, more: object = {}): ModelSpec => ({
  layers: [
    { kind: 'embedding', size, width: 3 },
    { kind: 'lstm', hiddenSize: 4, ...more },
    { kind: 'linear', size },
  ],
});

function training(estimator: GradientEstimator | null, more: { maxUpdates?: number } = {}) {
  const data = textStreams(TEXT, { batchSize: 2, steps: 6, validationSplit: 0 });
  const model = buildModel(createReference('float64'), spec(data.vocabulary.size));
  const options = {
    optimizer: adam({ learningRate: 0.01 }),
    loss: 'crossEntropy' as const,
    clipNorm: 1,
    maxUpdates: 7,
    ...(estimator ? { gradient: estimatorGradient(estimator) } : {}),
    ...more,
  };
  return { model, data, options };
}

async function run({ model, data, options }: ReturnType<typeof training>, resume?: Parameters<typeof fit>[3]) {
  const losses: number[] = [];
  const all = fit(model, data, options, resume);
  for await (const event of all) if (event.kind === 'update') losses.push(event.loss);
  return { losses, weights: [...model.kernels.host(model.parameters.matrix)!], state: await all.checkpoint() };
}

describe('an exact estimator', () => {
  test.each([bptt(), rtrl(), tbptt({ k1: 2, k2: 6 }), checkpointed({ steps: 6, segment: 2 })])(
    '$name trains as fit does',
    async (estimator) => {
      const [exact, found] = [await run(training(null)), await run(training(estimator))];
      expect(found.losses).toHaveLength(7);
      for (const [i, loss] of found.losses.entries()) expect(loss).toBeCloseTo(exact.losses[i]!, 10);
      for (const [i, w] of found.weights.entries()) expect(w).toBeCloseTo(exact.weights[i]!, 9);
    },
  );
});

test('a truncated estimator trains differently', async () => {
  const [exact, found] = [await run(training(null)), await run(training(tbptt({ k1: 1, k2: 1 })))];
  expect(found.losses[0]).toBeCloseTo(exact.losses[0]!, 12);
  expect(Math.abs(found.losses[6]! - exact.losses[6]!)).toBeGreaterThan(1e-6);
});

test('a random estimator is bit-identical in a second run, and after a resume', async () => {
  const whole = await run(training(uoro()));
  expect((await run(training(uoro()))).weights).toEqual(whole.weights);
  const first = training(uoro(), { maxUpdates: 4 });
  const { state } = await run(first);
  const second = training(uoro());
  for (const [name, values] of await first.model.parameters.download()) second.model.parameters.set(name, values);
  expect((await run(second, state)).weights).toEqual(whole.weights);
});

describe('dropout uses the masks of fit', () => {
  const sized = (size: number, lstm: object, first: object = {}, between: ModelSpec['layers'] = []): ModelSpec => ({
    layers: [
      { kind: 'embedding', size, width: 3, ...first },
      ...between,
      { kind: 'lstm', hiddenSize: 4, ...lstm },
      { kind: 'dropout', rate: 0.3 },
      { kind: 'linear', size },
    ],
  });
  const forms: [string, (size: number) => ModelSpec][] = [
    ['dropout', (size) => sized(size, {})],
    ['shared dropout', (size) => sized(size, {}, {}, [{ kind: 'dropout', rate: 0.4, shared: 'steps' }])],
    ['embedding dropout', (size) => sized(size, {}, { dropout: 0.4 })],
    ['recurrent dropout of h', (size) => sized(size, { recurrentDropout: 0.4 })],
    ['recurrent dropout of g', (size) => sized(size, { recurrentDropout: { kind: 'candidate', rate: 0.4 } })],
    ['dropConnect', (size) => sized(size, { dropConnect: 0.4 })],
    ['zoneout', (size) => sized(size, { zoneout: { h: 0.3, c: 0.2 } })],
  ];
  const dropping = (make: (size: number) => ModelSpec, estimator: GradientEstimator | null) => {
    const made = training(estimator);
    return { ...made, model: buildModel(createReference('float64'), make(made.data.vocabulary.size)) };
  };

  test.each(forms)('%s', async (_, make) => {
    const [exact, found, forwards] = [
      await run(dropping(make, null)),
      await run(dropping(make, bptt())),
      await run(dropping(make, rtrl())),
    ];
    for (const other of [found, forwards]) {
      for (const [i, loss] of other.losses.entries()) expect(loss).toBeCloseTo(exact.losses[i]!, 10);
      for (const [i, w] of other.weights.entries()) expect(w).toBeCloseTo(exact.weights[i]!, 9);
    }
  });

  test.each(forms)(
    '%s, recomputed from checkpoints: bit-identical step by step, and in whole segments',
    async (_, make) => {
      const steps = 6;
      const again = await run(dropping(make, checkpointed({ steps, plan: everySegment(steps, 2) })));
      expect(again.weights).toEqual((await run(dropping(make, bptt()))).weights);
      const exact = await run(dropping(make, null));
      const segments = await run(dropping(make, checkpointed({ steps, segment: 4 })));
      for (const [i, w] of segments.weights.entries()) expect(w).toBeCloseTo(exact.weights[i]!, 9);
    },
  );
});

test('trains a learned initial state', async () => {
  const made = (estimator: GradientEstimator | null) => {
    const base = training(estimator);
    const learned = spec(base.data.vocabulary.size, { initialState: 'learned' });
    return { ...base, model: buildModel(createReference('float64'), learned) };
  };
  const exact = await run(made(null));
  for (const estimator of [bptt(), rtrl(), checkpointed({ steps: 6, segment: 3 }), deer()]) {
    const found = await run(made(estimator));
    for (const [i, w] of found.weights.entries()) expect(w).toBeCloseTo(exact.weights[i]!, 9);
  }
});

describe('a batch with', () => {
  const [steps, batchSize, size] = [5, 3, 4];
  const tokens = Array.from({ length: steps * batchSize }, (_, i) => (i * 7 + (i >> 2)) % size);
  const base = {
    steps,
    batchSize,
    inputs: Int32Array.from(tokens),
    targets: Int32Array.from(tokens, (v) => (v + 1) % size),
  };
  const weights = tokens.map((_, i) => 0.25 + ((i * 5) % 4));
  test.each<[string, object, LossChoice]>([
    ['weights', { weights }, 'crossEntropy'],
    ['lengths', { lengths: [5, 2, 4] }, 'crossEntropy'],
    ['lengths and weights, rows first', { lengths: [5, 2, 4], weights, batchFirst: true }, 'crossEntropy'],
    ['weights of classes, some left out', {}, { kind: 'crossEntropy', classWeights: [1, 3, 0.5, 2], ignoreIndex: 2 }],
    ['a sum instead of a mean', { weights }, { kind: 'crossEntropy', reduction: 'sum' }],
  ])("%s, the gradient is the whole batch's", async (_, more, loss) => {
    const batch: Batch = { ...base, ...more };
    const source = { stateful: false, length: 1, batch: () => batch };
    const trained = async (estimator: GradientEstimator | null) => {
      const model = buildModel(createReference('float64'), spec(size));
      const gradient = estimator ? { gradient: estimatorGradient(estimator) } : {};
      const losses: number[] = [];
      for await (const event of fit(
        model,
        { train: source },
        { optimizer: sgd({ learningRate: 0.5 }), loss, ...gradient, epochs: 2 },
      )) {
        if (event.kind === 'update') losses.push(event.loss);
      }
      return { losses, weights: [...model.kernels.host(model.parameters.matrix)!] };
    };
    const exact = await trained(null);
    for (const estimator of [bptt(), rtrl()]) {
      const found = await trained(estimator);
      for (const [i, v] of found.losses.entries()) expect(v).toBeCloseTo(exact.losses[i]!, 10);
      for (const [i, w] of found.weights.entries()) expect(w).toBeCloseTo(exact.weights[i]!, 9);
    }
  });
});

test('parameters of an estimator are kept over batches and a resume', async () => {
  const learning = syntheticGradients({ k: 3, rate: 0.5 });
  const whole = await run(training(learning));
  expect(whole.state.observed?.gradient?.some((v) => v !== 0)).toBe(true);
  const first = training(learning, { maxUpdates: 4 });
  const { state } = await run(first);
  const second = training(learning);
  for (const [name, values] of await first.model.parameters.download()) second.model.parameters.set(name, values);
  expect((await run(second, state)).weights).toEqual(whole.weights);
  expect(whole.weights).not.toEqual((await run(training(tbptt({ k1: 3, k2: 3 })))).weights);
});

describe('rejects what needs whole sequences', () => {
  test('a loss of whole sequences', async () => {
    const made = training(bptt());
    const act = () => run({ ...made, options: { ...made.options, loss: 'ctc' as never } });
    expect((await rejected(act)).message).toMatch(/^loss is of whole sequences/);
  });

  test('activity layers', async () => {
    const made = training(bptt());
    const { layers } = spec(made.data.vocabulary.size);
    const model = buildModel(createReference('float64'), {
      layers: [layers[0]!, layers[1]!, { kind: 'activity', alpha: 0.1 }, layers[2]!],
    });
    expect((await rejected(() => run({ ...made, model }))).message).toMatch(/^layers\[2\]: looks at a whole sequence/);
  });
});
