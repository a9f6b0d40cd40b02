/** When memory runs out, the error gives the sizes and says what to lower, and the model works again with a smaller batch. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import type { Batch } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { bytesText, UnspoolError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import { estimateMemoryOn } from '../../src/train/estimate-memory.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const SPEC: ModelSpec = {
  layers: [
    { kind: 'embedding', size: 20, width: 10 },
    { kind: 'lstm', hiddenSize: 24 },
    { kind: 'linear', size: 20 },
  ],
};
const MEGABYTE = 2 ** 20;

const batch = (steps: number, batchSize: number): Batch => ({
  steps,
  batchSize,
  inputs: Int32Array.from({ length: steps * batchSize }, (_, i) => i % 20),
  targets: Int32Array.from({ length: steps * batchSize }, (_, i) => (i + 1) % 20),
});

/** The reference backend with a memory limit. */
async function limited(capacity: number): Promise<Kernels> {
  const k = createReference('float32');
  const rules = await k.memory.rules();
  let held = 0;
  const sizes = new Map<object, number>();
  const within = <M extends object>(make: () => M, bytes: number): M => {
    if (held + bytes > capacity) throw new UnspoolError({ code: 'OUT_OF_MEMORY', bytes, inUse: held, capacity });
    const m = make();
    held += bytes;
    sizes.set(m, bytes);
    return m;
  };
  return {
    ...k,
    memory: { ...k.memory, capacity, inUse: () => held },
    alloc: (rows, cols) => within(() => k.alloc(rows, cols), rules.matrix(rows, cols)),
    allocPacked: (rows, cols) => within(() => k.allocPacked(rows, cols), rules.packed(rows, cols)),
    free: (m) => {
      held -= sizes.get(m) ?? 0;
      sizes.delete(m);
    },
  };
}

describe.each([
  ['wasm', (capacity: number) => createWasm('simd', { capacity })],
  ['reference', limited],
] as const)('%s', (_, create) => {
  test('the error for a batch that does not fit reports the requested bytes, the capacity and what to lower', async () => {
    const k = await create(2 * MEGABYTE);
    const model = buildModel(k, SPEC);
    const before = k.memory.inUse();
    for (const act of [
      () => model.gradients(batch(40, 50)),
      () => model.evaluate(batch(60, 80)),
      () => model.predict(batch(100, 80).inputs, { batchSize: 80 }),
      async () => model.tape({ steps: 40, batchSize: 50 }),
    ]) {
      const error = await rejected(act);
      const { bytes, inUse, capacity } = problemOf(error, 'OUT_OF_MEMORY');
      expect(capacity).toBe(2 * MEGABYTE);
      expect(inUse! + bytes!).toBeGreaterThan(1.5 * MEGABYTE);
      const [asked, used] = [bytesText(bytes!), bytesText(inUse!)];
      expect(error.message).toContain(`out of memory: cannot allocate ${asked} (${used} of 2 MiB in use). `);
      expect(k.memory.inUse()).toBe(before); // it has freed everything that it allocated before it failed
    }
  });

  test('the help of the error has the numbers of the model', async () => {
    const model = buildModel(await create(2 * MEGABYTE), SPEC);
    expect(thrown(() => model.tape({ steps: 40, batchSize: 50 })).message).toMatch(
      / in use\)\. Alive: 1 model \(16\.[23] KiB\)\. Free what .*, or lower batchSize \(50\) or steps \(40\) or layers\[1\]\.hiddenSize \(24\)\. /,
    );
  });

  test('a smaller batch afterwards trains to the same bits as without the error', async () => {
    const trained = async (k: Kernels, disturb: boolean) => {
      const model = buildModel(k, SPEC);
      const source = (steps: number, batchSize: number) => ({
        stateful: false,
        length: 5,
        batch: () => batch(steps, batchSize),
      });
      const steps = async (batchSize: number) => {
        const training = fit(model, { train: source(8, batchSize) }, { optimizer: adam() });
        for await (const __ of training);
        training.dispose();
      };
      await steps(3);
      if (disturb) {
        const training = fit(model, { train: source(40, 60) }, { optimizer: adam() });
        expect((await rejected(() => training[Symbol.asyncIterator]().next())).code).toBe('OUT_OF_MEMORY');
        training.dispose();
        expect((await rejected(() => evaluate(model, source(100, 90)))).code).toBe('OUT_OF_MEMORY');
      }
      await steps(4);
      return model.kernels.download(model.parameters.matrix);
    };
    const quiet = await trained(await create(64 * MEGABYTE), false);
    expectSameBits(await trained(await create(2 * MEGABYTE), true), quiet);
  });

  test('many batches of different shapes, each freed, do not fragment the memory', async () => {
    const model = buildModel(await create(2 * MEGABYTE), SPEC);
    for (let i = 0; i < 60; i++) {
      const { tape, gradients } = await model.gradients(batch(3 + ((7 * i) % 19), 2 + ((5 * i) % 13)));
      tape.free();
      gradients.free();
    }
  });

  test('parameters that do not fit are rejected', async () => {
    const k = await create(1.5 * MEGABYTE);
    const large: ModelSpec = {
      inputSize: 3,
      layers: [
        { kind: 'lstm', hiddenSize: 900, projectionSize: 100 },
        { kind: 'lstm', hiddenSize: 70 },
      ],
    };
    const before = k.memory.inUse();
    const error = thrown(() => buildModel(k, large));
    const lower = 'layers[0].hiddenSize (900) or layers[1].hiddenSize (70).';
    expect(error.message).toContain(`. Lower ${lower}`);
    expect(k.memory.inUse()).toBe(before);
    buildModel(k, SPEC);
  });

  test('if the state of an optimizer does not fit, the training frees everything', async () => {
    const wide: ModelSpec = { inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: 200 }] };
    const one: Batch = { steps: 2, batchSize: 1, inputs: [1, 2, 3, 4, 5, 6], targets: new Array(400).fill(0.1) };
    const train = { stateful: false, length: 2, batch: () => one };
    const { parameters } = await estimateMemoryOn(createReference('float32'), wide, one);
    const k = await create((await (await create(MEGABYTE)).memory.rules()).overhead + 3.9 * parameters);
    const model = buildModel(k, wide);
    const before = k.memory.inUse();
    const error = await rejected(() => fit(model, { train }, { optimizer: adam() })[Symbol.asyncIterator]().next());
    expect(error.message).toMatch(
      / in use\)\. Alive: 1 training \(1\.25 MiB\), 1 model \(641 KiB\)\. .* or lower layers\[0\]\.hiddenSize \(200\)\./,
    );
    expect(k.memory.inUse()).toBe(before);
    await model.predict(one.inputs);
  });
});

test('the reference reports arrays that JavaScript cannot allocate', () => {
  const k = createReference('float64');
  for (const act of [() => k.alloc(2 ** 24, 2 ** 24), () => k.allocPacked(2 ** 24, 2 ** 24)]) {
    const problem = problemOf(thrown(act), 'OUT_OF_MEMORY');
    expect(problem).toMatchObject({ bytes: 8 * 2 ** 48, inUse: 0, capacity: Number.POSITIVE_INFINITY });
  }
  const spec: ModelSpec = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 2 ** 24 }] };
  expect(thrown(() => buildModel(k, spec)).message).toMatch(
    /^out of memory: cannot allocate 8,390,000 GiB \(0 bytes in use\)\. Lower layers\[0\]\.hiddenSize \(16777216\)\. /,
  );
  buildModel(k, SPEC);
});

test('if no memory is left for the workspace of a product, the backend stays as it was', async () => {
  const large = batch(40, 50);
  const { working, total } = await estimateMemoryOn(await createWasm('simd'), SPEC, large, { inputGradient: true });
  const { overhead } = await (await createWasm('simd')).memory.rules();
  expect(working - overhead).toBeGreaterThan(2 ** 17);
  const k = await createWasm('simd', { capacity: total - (working - overhead) + 2 ** 16 });
  const model = buildModel(k, SPEC);
  const small = batch(6, 4);
  const expected = await model.gradients(small);
  const loss = [expected.loss];
  expected.tape.free();
  expected.gradients.free();
  for (let i = 0; i < 3; i++) {
    const error = await rejected(() => model.gradients(large));
    expect(error.message).toMatch(/or lower batchSize \(50\)/);
    const { tape, gradients, loss: again } = await model.gradients(small);
    loss.push(again);
    tape.free();
    gradients.free();
  }
  expect(new Set(loss).size).toBe(1);
});
