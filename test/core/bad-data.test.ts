/** Data that are not numbers, or not the right numbers: each pass refuses them and names the place as the caller counts. */
import { describe, expect, test } from '@jest/globals';
import type { LossChoice } from '../../src/core/losses.js';
import { type Batch, Model } from '../../src/core/model.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import { gradcheck } from '../../src/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit } from '../../src/train/trainer.js';
import { BACKENDS } from '../support/backends.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const [T, N] = [3, 2];
const lstm: LayerSpec = { kind: 'lstm', hiddenSize: 3 };
const TOKENS: ModelSpec = {
  layers: [{ kind: 'embedding', size: 5, width: 2 }, lstm, { kind: 'linear', size: 5 }],
};
const values = (size: number, last = false): ModelSpec => ({
  inputSize: 2,
  layers: [last ? { ...lstm, returns: 'last' } : lstm, { kind: 'linear', size }],
});
const build = (spec: ModelSpec): Model => buildModel(createReference('float64'), spec);

const tokenBatch = (): Batch => ({
  steps: T,
  batchSize: N,
  inputs: [0, 1, 2, 3, 4, 0],
  targets: Int32Array.from([1, 2, 3, 4, 0, 1]),
});
const valueBatch = (): Batch => ({
  steps: T,
  batchSize: N,
  inputs: Array.from({ length: T * N * 2 }, (_, i) => Math.sin(i)),
  targets: Array.from({ length: T * N }, (_, i) => Math.cos(i)),
});

const calls: readonly (readonly [string, (model: Model, batch: Batch, loss?: LossChoice) => Promise<unknown>])[] = [
  ['gradients', (model, batch, loss) => model.gradients(batch, loss ? { loss } : {})],
  ['evaluate', (model, batch, loss) => model.evaluate(batch, loss ? { loss } : {})],
  ['evaluate of a source', (model, batch, loss) => evaluate(model, { length: 1, batch: () => batch }, loss)],
  ['gradcheck', (model, batch, loss) => gradcheck(model, batch, loss ? { loss } : {})],
  [
    'fit',
    async (model, batch, loss) => {
      const train = { length: 1, batch: () => batch };
      for await (const _ of fit(model, { train }, { optimizer: adam(), ...(loss && { loss }) }));
    },
  ],
];

const withBad = (array: ArrayLike<number>, at: number, bad: unknown): number[] => {
  const list: unknown[] = Array.from(array);
  if (bad === 'a hole') delete list[at];
  else list[at] = bad;
  return list as number[];
};

const NOT_NUMBERS = [undefined, null, 'a hole', '1', [1], 1n, Number.NaN, Number.POSITIVE_INFINITY, true, {}];

describe.each(calls)('%s', (_, call) => {
  const whatOf = async (model: Model, batch: Batch, loss?: LossChoice): Promise<string> =>
    problemOf(await rejected(() => call(model, batch, loss)), 'INVALID_DATA').what.replace(/ of batch 0$/, '');

  test.each([...NOT_NUMBERS, 0.5, -1, 5])('%p is not a token or a class', async (bad) => {
    const [model, batch] = [build(TOKENS), tokenBatch()];
    expect(await whatOf(model, { ...batch, inputs: withBad(batch.inputs, 5, bad) })).toBe(
      'inputs[5] (step 2, sequence 1)',
    );
    if (bad === -1) return; // ignored
    const targets = withBad(batch.targets, 3, bad);
    expect(await whatOf(model, { ...batch, targets }, 'crossEntropy')).toBe('targets[3] (step 1, sequence 1)');
  });

  test.each(NOT_NUMBERS)('%p is not an input, target or weight', async (bad) => {
    const [model, batch] = [build(values(1)), valueBatch()];
    expect(await whatOf(model, { ...batch, inputs: withBad(batch.inputs, 7, bad) })).toBe(
      'inputs[7] (step 1, sequence 1, column 1)',
    );
    const first = { ...batch, batchFirst: true };
    expect(await whatOf(model, { ...first, inputs: withBad(batch.inputs, 7, bad) })).toBe(
      'inputs[7] (step 0, sequence 1, column 1)',
    );
    expect(await whatOf(model, { ...first, targets: withBad(batch.targets, 2, bad) })).toBe(
      'targets[2] (step 2, sequence 0)',
    );
    const weights = withBad(new Array(6).fill(1), 4, bad);
    expect(await whatOf(model, { ...batch, weights })).toBe('weights[4] (step 2, sequence 0)');
  });

  test.each([undefined, null, '2', 0, 4, 1.5, Number.NaN])('%p is not a length', async (bad) => {
    expect(await whatOf(build(values(1)), { ...valueBatch(), lengths: [3, bad as number] })).toBe('lengths[1]');
  });

  test.each([new BigInt64Array(12), 'text', {}, 5, null, undefined, new DataView(new ArrayBuffer(12))])(
    '%p is not an array',
    async (bad) => {
      const [model, batch] = [build(values(1)), valueBatch()];
      for (const part of ['inputs', 'targets'] as const) {
        expect(await whatOf(model, { ...batch, [part]: bad as number[] })).toBe(part);
      }
    },
  );

  test('a count is compared before anything is allocated', async () => {
    const model = build(values(1));
    const before = process.memoryUsage().arrayBuffers;
    const batch = { steps: 1 << 24, batchSize: 16, inputs: [1], targets: [1] };
    const shape = async (bad: Batch) => problemOf(await rejected(() => call(model, bad)), 'SHAPE_MISMATCH');
    expect(await shape(batch)).toMatchObject({ expected: [1 << 24, 16, 2], actual: [1] });
    const steps = 1 << 20;
    const long = { steps, batchSize: 1, inputs: new Float32Array(2 * steps), targets: new Float32Array(steps) };
    for (const part of ['targets', 'weights', 'lengths']) {
      expect((await shape({ ...long, [part]: [1, 2, 3] })).tensor.replace(' of batch 0', '')).toBe(part);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 26); // the first batch would have 2^31 bytes
  });
});

describe.each(BACKENDS)('what nothing reads may be anything: $name in $precision', ({ create }) => {
  const padding = [-1, -100, 255, Number.NaN, Number.POSITIVE_INFINITY, null as never, undefined as never];

  test.each(padding)('%p past the end of a sequence, or with weight 0', async (pad) => {
    const k = await create();
    for (const [spec, batch] of [
      [TOKENS, tokenBatch()],
      [values(1), valueBatch()],
    ] as const) {
      const model = buildModel(k, spec, true);
      const loss = spec === TOKENS ? 'crossEntropy' : 'meanSquaredError';
      const run = async (changed: Partial<Batch>) => {
        const pass = await model.gradients({ ...batch, ...changed }, { loss });
        return [pass.loss, ...(await k.download(pass.gradients.matrix))];
      };
      const width = batch.inputs.length / (T * N);
      const lengths = [3, 2]; // the last step of sequence 1 is past its end
      const inputs = Array.from(batch.inputs, (v, i) => (i >= 5 * width ? pad : v));
      const targets = withBad(batch.targets, 5, pad);
      expect(await run({ inputs, targets, lengths })).toEqual(await run({ lengths }));
      const weights = [1, 2, 1, 1, 2, 0];
      expect(await run({ targets, weights })).toEqual(await run({ weights }));
    }
    k.dispose();
  });
});

describe('the contents at the call count', () => {
  test.each(['gradients', 'evaluate'] as const)('%s, also where code must be loaded first', async (method) => {
    for (const lengths of [undefined, [3, 2]]) {
      const expected = await build(values(1)).evaluate({ ...valueBatch(), ...(lengths && { lengths }) });
      const model = new Model(createReference('float64'), values(1)); // without the code for lengths
      const own = lengths?.slice();
      const batch = { ...valueBatch(), ...(own && { lengths: own }), weights: new Array<number>(6).fill(1) };
      const result = model[method](batch);
      for (const part of [batch.inputs, batch.targets, batch.weights, own ?? []]) (part as number[]).fill(9);
      expect((await result).loss).toBe(expected.loss);
    }
  });

  test('weights until the backward pass', async () => {
    const model = build(values(1));
    const [weights, { inputs, targets }] = [[1, 1, 0, 1, 1, 1], valueBatch()];
    const expected = await model.gradients({ ...valueBatch(), weights });
    const [tape, gradients] = [model.tape({ steps: T, batchSize: N }), model.arena()];
    gradients.clear();
    tape.begin();
    tape.forward(model.parameters, inputs);
    tape.measure('meanSquaredError', targets, weights);
    weights.fill(7);
    tape.backward(model.parameters, gradients);
    expect(await gradients.download()).toEqual(await expected.gradients.download());
  });
});

describe('targets that do not fit the loss: the message lists losses that they fit', () => {
  const message = async (spec: ModelSpec, targets: ArrayLike<number>, loss?: LossChoice): Promise<string> => {
    const batch: Batch = spec === TOKENS ? { ...tokenBatch(), targets } : { ...valueBatch(), targets };
    return (await rejected(() => build(spec).evaluate(batch, loss ? { loss } : {}))).message;
  };
  const floats = (count: number) => Array.from({ length: count }, (_, i) => i + 0.5);

  test('values for crossEntropy', async () => {
    expect(await message(values(6), floats(6), 'crossEntropy')).toMatch(
      /^targets\[0\] \(step 0, sequence 0\) must be an integer from 0 to 5, got 0\.5\. These targets fit quantile \(with 6/,
    );
    expect(await message(values(2), floats(12), 'crossEntropy')).toMatch(
      /targets must have shape \[3, 2\], got \[12\]\. Pass class numbers, not rows\. These targets fit meanSquaredError, meanAbs/,
    );
  });

  test('an Int32Array of values, whose default is crossEntropy', async () => {
    const wide = await message(values(2), new Int32Array(12));
    expect(wide).toContain('crossEntropy: targets must have shape [3, 2], got [12].');
    expect(wide).toContain('These targets fit meanSquaredError, meanAbsoluteError, huber, binaryCrossEntropy.');
    const one = await message(values(1), Int32Array.from([4, 5, 6, 7, 8, 9]));
    expect(one).toContain('crossEntropy needs an output of several columns. These targets fit meanSquaredError');
  });

  test('classes as a list, whose default is meanSquaredError', async () => {
    expect(await message(TOKENS, [0, 1, 2, 3, 4, 0])).toContain('These targets fit crossEntropy');
  });

  test('values outside of [0, 1] for binaryCrossEntropy', async () => {
    expect(await message(values(1), [0, 1, 0.5, 2, 0, 0], 'binaryCrossEntropy')).toMatch(
      /^targets\[3\] \(step 1, sequence 1\) must be a finite number from 0 to 1, got 2\. These targets fit meanSquaredError/,
    );
  });

  test('gaussian, with one target per column', async () => {
    expect(await message(values(4), floats(24), 'gaussian')).toContain('These targets fit meanSquaredError');
    expect(await message(values(4), floats(12))).toContain('These targets fit gaussian, quantile (with 2 quantiles).');
    expect(await message(values(3), floats(18), 'gaussian')).toContain(
      'make the size of the last layer a multiple of 2',
    );
  });

  test('one target per sequence, or per step', async () => {
    expect(await message(values(1), [1, 2])).toContain("set returns: 'last' in the last lstm layer");
    expect(await message(values(1, true), floats(6))).toContain("For a target per step, remove returns: 'last'.");
  });
});

test('a sequence that is too short for its labels has an infinite loss and no gradient', async () => {
  const model = build(values(4));
  const batch: Batch = { ...valueBatch(), targets: [1, 2, -1, 3, 3, -1], lengths: [3, 2] };
  expect((await model.evaluate(batch, { loss: 'ctc' })).loss).toBe(Number.POSITIVE_INFINITY);
  const error = await rejected(() => model.gradients(batch, { loss: 'ctc' }));
  expect(error.message).toMatch(/^sequence 1 has 2 steps, but ctc needs 3 for its labels .* zeroInfinity: true/);
  const { loss } = await model.gradients(batch, { loss: { kind: 'ctc', zeroInfinity: true } });
  expect(loss).toBeGreaterThan(0);
  expect(loss).toBeLessThan(Number.POSITIVE_INFINITY);
});

test.each([
  [[1, -1, 3, -1], 'targets[2] (label 2 of sequence 0)'],
  [[1, 0, 2, 1], 'targets[1] (label 1 of sequence 0)'],
  [[1, 2, 4, 1], 'targets[2] (label 2 of sequence 0)'],
  [[1, 2, null, 1], 'targets[2] (label 2 of sequence 0)'],
])('ctc labels %j are refused', async (labels, what) => {
  const batch = { steps: 6, batchSize: 1, inputs: new Float32Array(12), targets: labels as number[] };
  const error = await rejected(() => build(values(4)).evaluate(batch, { loss: 'ctc' }));
  expect(problemOf(error, 'INVALID_DATA').what).toBe(what);
});

test('a second loss that is not one is refused like the first', () => {
  const { inputs, targets } = valueBatch();
  const model = build(values(1));
  const tape = model.tape({ steps: T, batchSize: N });
  tape.begin();
  tape.forward(model.parameters, inputs);
  const wrong = { kind: 1n } as never;
  expect(thrown(() => tape.measure(wrong, targets)).message).toMatch(/^loss: unknown loss/);
  tape.measure('meanSquaredError', targets);
  expect(thrown(() => tape.measure(wrong, targets)).message).toMatch(/^loss: unknown loss/);
});
