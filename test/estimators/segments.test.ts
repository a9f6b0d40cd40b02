/** `checkpointed` as the gradient of `fit`: exact, in whole segments, with the memory of one. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LossChoice } from '../../src/core/losses.js';
import type { Batch } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { segmentFor } from '../../src/estimators/segments.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { type CheckpointOptions, checkpointed, estimatorGradient } from '../../src/lab/index.js';
import { sgd } from '../../src/optim/sgd.js';
import { fit } from '../../src/train/trainer.js';
import { flat } from '../support/arrays.js';
import { rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';
import { SPECS } from './support.js';

function batchFor(spec: ModelSpec, outputSize: number, steps: number, batchSize: number): Batch {
  const random = testRandom(steps * 31 + batchSize);
  const [first] = spec.layers;
  if (first?.kind === 'embedding') {
    const tokens = (): Int32Array => Int32Array.from({ length: steps * batchSize }, () => random.integer(first.size));
    return { steps, batchSize, inputs: tokens(), targets: tokens() };
  }
  const inputs = random.normals(steps * batchSize * spec.inputSize!);
  return { steps, batchSize, inputs, targets: random.normals(steps * batchSize * outputSize) };
}

/** The gradient in segments, next to that of the whole batch, from the same state. */
async function both(spec: ModelSpec, batch: (outputSize: number) => Batch, segment: number, loss?: LossChoice) {
  const model = buildModel(createReference('float64'), spec);
  const given = batch(model.outputSize);
  const { tape: from } = await model.gradients(given); // a state to start from
  const choice = loss === undefined ? {} : { loss };
  const whole = await model.gradients(given, { from, ...choice });
  const tape = model.tape({ steps: 1, batchSize: given.batchSize });
  const gradients = model.arena();
  const gradient = estimatorGradient(checkpointed({ steps: given.steps, segment }));
  const found = await gradient(model, given, { tape, gradients, from, ...choice });
  const end = (of: typeof tape) => of.states.flatMap(({ h, c }) => [...flat(h), ...flat(c)]);
  const numbers = async (arena: typeof gradients) => [...(await model.kernels.download(arena.matrix))];
  return {
    exact: { loss: whole.loss, gradient: await numbers(whole.gradients), state: end(whole.tape) },
    found: { loss: found.loss, gradient: await numbers(gradients), state: end(tape) },
  };
}

type Results = Awaited<ReturnType<typeof both>>;

function expectEqual({ exact, found }: Results): void {
  expect(Math.abs(found.loss - exact.loss)).toBeLessThan(1e-12);
  expect(found.state).toEqual(exact.state);
  const size = Math.hypot(...exact.gradient);
  expect(size).toBeGreaterThan(1e-3);
  expect(Math.hypot(...found.gradient.map((g, i) => g - exact.gradient[i]!)) / size).toBeLessThan(1e-12);
}

describe('the gradient of the whole batch', () => {
  test.each(Object.keys(SPECS))('%s, in segments of any length', async (name) => {
    const spec = SPECS[name]!;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 3 }), fc.nat(), async (T, N, at) => {
        expectEqual(await both(spec, (outputSize) => batchFor(spec, outputSize, T, N), 1 + (at % T)));
      }),
      { numRuns: 5 },
    );
  });

  test.each<[string, object, LossChoice | undefined]>([
    ['weights, some segments without any', { weights: [0, 0, 0, 0, 1, 2, 0.5, 0, 0, 0, 3, 1, 0, 0] }, undefined],
    ['batch-first data', { batchFirst: true }, undefined],
    ['ignored classes', {}, { kind: 'crossEntropy', ignoreIndex: 2, classWeights: [1, 2, 3, 0.5, 4] }],
    ['a sum instead of a mean', {}, { kind: 'crossEntropy', reduction: 'sum' }],
  ])('%s', async (_, more, loss) => {
    const spec = SPECS.tokens!;
    expectEqual(await both(spec, (outputSize) => ({ ...batchFor(spec, outputSize, 7, 2), ...more }), 3, loss));
  });
});

async function memoryOf(options: CheckpointOptions | null, steps: number): Promise<number> {
  const k = await createWasm('simd');
  const spec: ModelSpec = {
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: 8 },
      { kind: 'linear', size: 1 },
    ],
  };
  const model = buildModel(k, spec);
  const batch = batchFor(spec, 1, steps, 2);
  const gradient = options && estimatorGradient(checkpointed(options));
  const settings = { optimizer: sgd({ learningRate: 0.01 }), maxUpdates: 2, ...(gradient && { gradient }) };
  let bytes = 0;
  const before = k.memory.inUse();
  for await (const event of fit(model, { train: { length: 3, batch: () => batch } }, settings)) {
    if (event.kind === 'update') bytes = Math.max(bytes, k.memory.inUse() - before);
  }
  return bytes;
}

test('a training takes its share of the memory', async () => {
  const steps = 1500;
  const [all, tenth] = [await memoryOf(null, steps), await memoryOf({ steps, memory: 0.1 }, steps)];
  expect(tenth / all).toBeLessThan(0.11); // with the parameters and their gradients
  expect(tenth / all).toBeGreaterThan(0.05);
});

test('a share of the memory gives the longest segments that fit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, memory) => {
      const length = segmentFor(steps, memory);
      const fits = (of: number) => of + (steps % of) + (Math.ceil(steps / of) - 1) / 6 <= memory * steps;
      if (length !== null) expect(fits(length)).toBe(true);
      for (let longer = (length ?? 0) + 1; longer <= steps; longer++) expect(fits(longer)).toBe(false);
    }),
    { numRuns: 40 },
  );
  expect(segmentFor(1, 1)).toBe(1);
  expect(segmentFor(10, 0.1)).toBeNull();
});

test('a long sequence is not too long for a share of the memory', async () => {
  expect(checkpointed({ steps: 100_000, memory: 0.1 }).segments!.length).toBeGreaterThan(9000);
});

test('another number of steps, or a model whose state cannot be carried, is refused', async () => {
  const run = (steps: number, more: object = {}) => {
    const spec = { inputSize: 2, layers: [{ kind: 'lstm' as const, hiddenSize: 3, ...more }] };
    const model = buildModel(createReference('float64'), spec);
    const pass = { tape: model.tape({ steps: 1, batchSize: 2 }), gradients: model.arena() };
    return estimatorGradient(checkpointed({ steps: 4, segment: 2 }))(model, batchFor(spec, 3, steps, 2), pass);
  };
  expect((await rejected(() => run(5))).message).toContain('which is 5, got 4');
  expect((await rejected(() => run(4, { direction: 'reverse' }))).message).toContain('layers[0]');
  expect((await run(4)).loss).toBeGreaterThan(0);
});
