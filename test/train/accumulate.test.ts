/** Gradient accumulation: the same update as one large batch, whatever the sizes, weights and lengths of its parts. */
import { describe, expect, test } from '@jest/globals';
import {
  accumulate,
  adam,
  type Batch,
  type BatchSource,
  createModel,
  createRng,
  evaluate,
  type FitOptions,
  fit,
  type LossChoice,
  type Model,
  type ModelSpec,
  sgd,
  type TrainingState,
  textStreams,
} from '../../src/index.js';

const SPEC: ModelSpec = {
  seed: 7,
  layers: [
    { kind: 'embedding', size: 5, width: 3 },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 5 },
  ],
};
const T = 4;

const create = (spec = SPEC): Promise<Model> =>
  createModel(spec, { backend: 'reference', precision: 'float64', lengths: true });

/** A batch of `rows` sequences with weights, ignored targets and, if they are not all `T`, lengths. By sequence. */
function batchOf(seed: number, rows: number, isRagged: boolean): Batch {
  const rng = createRng(seed, 'batch');
  const draw = (): Int32Array => Int32Array.from({ length: T * rows }, () => rng.integer(5));
  const targets = draw().map((target) => (rng.uniform() < 0.2 ? -1 : target));
  const weights = Float64Array.from({ length: T * rows }, () => 2 * rng.uniform());
  const lengths = Array.from({ length: rows }, () => 1 + rng.integer(T));
  return {
    steps: T,
    batchSize: rows,
    inputs: draw(),
    targets,
    weights,
    batchFirst: true,
    ...(isRagged && { lengths }),
  };
}

/** One batch with the sequences of several. */
function joined(batches: readonly Batch[]): Batch {
  const all = (key: 'inputs' | 'targets' | 'weights'): number[] =>
    batches.flatMap((batch) => Array.from(batch[key] as ArrayLike<number>));
  const lengths = batches.flatMap(({ lengths, batchSize }) =>
    Array.from(lengths ?? new Array<number>(batchSize).fill(T)),
  );
  return {
    ...{ steps: T, batchSize: lengths.length, batchFirst: true, lengths },
    ...{ inputs: Int32Array.from(all('inputs')), targets: Int32Array.from(all('targets')), weights: all('weights') },
  };
}

const sourceOf = (batches: readonly Batch[]): BatchSource => ({ length: batches.length, batch: (i) => batches[i]! });
const weightsOf = async ({ kernels, parameters }: Model): Promise<number[]> =>
  Array.from(await kernels.download(parameters.read()));

async function train(model: Model, train: BatchSource, options: FitOptions, resume?: TrainingState) {
  const events = [];
  for await (const event of fit(model, { train }, options, resume)) events.push(event);
  return events;
}

// Sizes 3, 2, 1 and a last group of one batch.
const BATCHES = [3, 2, 1, 2, 4, 1, 3].map((rows, i) => batchOf(i, rows, i % 2 === 0));
const GROUPS = [BATCHES.slice(0, 3), BATCHES.slice(3, 6), BATCHES.slice(6)];

describe('groups of batches with different sizes, weights and lengths', () => {
  test.each<[string, LossChoice]>([
    ['the mean loss', 'crossEntropy'],
    ['the sum of the losses', { kind: 'crossEntropy', reduction: 'sum' }],
    [
      'class weights and label smoothing',
      { kind: 'crossEntropy', classWeights: [1, 2, 0.5, 1, 3], labelSmoothing: 0.1 },
    ],
  ])('%s: weights and losses are those of one large batch', async (_name, loss) => {
    const [parts, whole] = [await create(), await create()];
    const options = { optimizer: sgd({ learningRate: 0.3, momentum: 0.5 }), loss, epochs: 2, clipNorm: 0.5 };
    const { train: groups, gradient } = accumulate(sourceOf(BATCHES), 3);
    const got = await train(parts, groups, { ...options, gradient });
    const expected = await train(whole, sourceOf(GROUPS.map(joined)), options);
    const figures = (events: typeof got) =>
      events.map((event) => ({
        kind: event.kind,
        loss: 'loss' in event ? event.loss : 0,
        norm: event.kind === 'update' ? event.gradientNorm : 0,
      }));
    for (const [i, { kind, loss: mean, norm }] of figures(expected).entries()) {
      expect(figures(got)[i]).toEqual({ kind, loss: expect.closeTo(mean, 10), norm: expect.closeTo(norm, 10) });
    }
    const want = await weightsOf(whole);
    for (const [i, weight] of (await weightsOf(parts)).entries()) expect(weight).toBeCloseTo(want[i]!, 11);
  });

  test('a mean of means would be another update', async () => {
    const [first] = GROUPS;
    const model = await create();
    const losses = await Promise.all(first!.map((batch) => evaluate(model, sourceOf([batch]))));
    const whole = await evaluate(model, sourceOf([joined(first!)]));
    expect(Math.abs(losses.reduce((a, b) => a + b) / 3 - whole)).toBeGreaterThan(1e-3);
    const { train: groups, gradient } = accumulate(sourceOf(first!), 3);
    const [update] = await train(model, groups, { optimizer: adam(), gradient });
    expect(update).toMatchObject({ kind: 'update', loss: expect.closeTo(whole, 10) });
  });
});

test('a source may use its arrays again', async () => {
  const [a, b] = [await create(), await create()];
  const shared = { inputs: new Int32Array(2 * T), targets: new Int32Array(2 * T) };
  const refilling: BatchSource = {
    length: 6,
    batch(index) {
      const { inputs, targets } = batchOf(index, 2, false);
      shared.inputs.set(inputs as Int32Array);
      shared.targets.set(targets as Int32Array);
      return { steps: T, batchSize: 2, ...shared };
    },
  };
  const fixed = sourceOf(
    Array.from({ length: 6 }, (_, i) => {
      const { inputs, targets } = batchOf(i, 2, false);
      return { steps: T, batchSize: 2, inputs, targets };
    }),
  );
  for (const [model, source] of [
    [a, refilling],
    [b, fixed],
  ] as const) {
    const { train: groups, gradient } = accumulate(source, 3);
    await train(model, groups, { optimizer: adam(), gradient });
  }
  expect(await weightsOf(a)).toEqual(await weightsOf(b));
});

describe('streams of text', () => {
  const text = 'she sells sea shells by the sea shore. '.repeat(12);
  const spec = (size: number, dropout = 0): ModelSpec => ({
    seed: 3,
    layers: [
      { kind: 'embedding', size, width: 3 },
      { kind: 'lstm', hiddenSize: 4 },
      ...(dropout > 0 ? [{ kind: 'dropout' as const, rate: dropout }] : []),
      { kind: 'linear', size },
    ],
  });

  test('carry their state from batch to batch: with a learning rate of 0, the losses are those without groups', async () => {
    const data = textStreams(text, { batchSize: 2, steps: 5, validationSplit: 0 });
    const options = { optimizer: sgd({ learningRate: 0 }), epochs: 2 };
    const single = await train(await create(spec(data.vocabulary.size)), data.train, options);
    const { train: groups, gradient } = accumulate(data.train, 4);
    const grouped = await train(await create(spec(data.vocabulary.size)), groups, { ...options, gradient });
    const lossesOf = (events: typeof single, kind: string) =>
      events.flatMap((e) => (e.kind === kind ? [(e as { loss: number }).loss] : []));
    const [all, means] = [lossesOf(single, 'update'), lossesOf(grouped, 'update')];
    const perEpoch = data.train.length;
    expect(means).toHaveLength(2 * Math.ceil(perEpoch / 4));
    expect(means[0]).toBeCloseTo(all.slice(0, 4).reduce((x, y) => x + y) / 4, 10);
    expect(means[1]).toBeCloseTo(all.slice(4, 8).reduce((x, y) => x + y) / 4, 10);
    const epochs = lossesOf(grouped, 'epoch');
    for (const [i, loss] of lossesOf(single, 'epoch').entries()) expect(epochs[i]).toBeCloseTo(loss, 10);
  });

  test('resumed from any update, the training ends with the same weights, also with dropout', async () => {
    const data = textStreams(text, { batchSize: 2, steps: 5, validationSplit: 0 });
    const run = async (model: Model, resume?: TrainingState, stopAt?: number) => {
      const { train: groups, gradient } = accumulate(data.train, 3);
      const training = fit(model, { train: groups }, { optimizer: adam(), epochs: 2, gradient }, resume);
      for await (const event of training) if (event.update === stopAt) return training.checkpoint();
      return null;
    };
    const [whole, broken] = [
      await create(spec(data.vocabulary.size, 0.3)),
      await create(spec(data.vocabulary.size, 0.3)),
    ];
    await run(whole);
    const state = await run(broken, undefined, 5);
    await run(broken, state!);
    expect(await weightsOf(broken)).toEqual(await weightsOf(whole));
  });
});

test('invalid arguments are rejected', () => {
  expect(() => accumulate(sourceOf(BATCHES), 0)).toThrow('batches must be');
  expect(() => accumulate([] as unknown as BatchSource, 2)).toThrow('source must be a batch source');
});

describe('one accumulation', () => {
  const data = () => sourceOf([2, 2, 2, 2].map((rows, i) => batchOf(i, rows, false)));
  const options = { optimizer: sgd({ learningRate: 0.3 }), loss: 'crossEntropy' as const };

  test('serves one training after the other, of the same model and of another', async () => {
    const { train: groups, gradient } = accumulate(data(), 2);
    const larger = { ...SPEC, layers: SPEC.layers.with(1, { kind: 'lstm', hiddenSize: 6 }) };
    for (const spec of [SPEC, SPEC, larger]) {
      const [one, other] = [await create(spec), await create(spec)];
      const fresh = accumulate(data(), 2);
      const expected = await train(other, fresh.train, { ...options, gradient: fresh.gradient });
      expect(await train(one, groups, { ...options, gradient })).toEqual(expected);
      expect(await train(one, groups, { ...options, gradient })).not.toEqual(expected); // with other weights
      expect(expected).toHaveLength(2 + 2);
    }
  });

  test('a model that it has not been disposed of is replaced by the next one', async () => {
    const { train: groups, gradient } = accumulate(data(), 2);
    const losses: number[] = [];
    for (const seed of [1, 2, 1]) {
      const model = await create({ ...SPEC, seed });
      const pass = { tape: model.tape({ steps: T, batchSize: 2 }), gradients: model.arena() };
      losses.push((await gradient(model, groups.batch(0), { ...pass, loss: 'crossEntropy' })).loss);
      const numbers = Array.from(await model.kernels.download(pass.gradients.matrix));
      expect(Math.hypot(...numbers)).toBeGreaterThan(0);
      if (seed === 2) model.dispose(); // the workspace of a model that has ended is not used again
    }
    expect([losses[2] === losses[0], losses[1] === losses[0]]).toEqual([true, false]);
    gradient.dispose!();
    gradient.dispose!();
  });

  test('carries no state between the batches of a group, unless the source is stateful', async () => {
    const lossesOf = async (stateful: boolean | undefined) => {
      const source = { ...data(), ...(stateful !== undefined && { stateful }) };
      const { train: groups, gradient } = accumulate(source, 2);
      return train(await create(), groups, { ...options, gradient });
    };
    const [unset, off, on] = [await lossesOf(undefined), await lossesOf(false), await lossesOf(true)];
    expect(unset).toEqual(off);
    expect(on).not.toEqual(off);
  });
});
