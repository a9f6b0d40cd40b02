/** int8 weights in unspool/infer/simd, whose products keep them as integers, next to plain JavaScript, which makes numbers of them. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import { loadModel as loadPlain } from '../../src/infer/index.js';
import { loadModel as loadSimd } from '../../src/infer/simd.js';
import { tensorsOf } from '../../src/interop/exports/quantize.js';
import { headerOf, parseModel, serializeModel } from '../../src/interop/model-file.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { modelSpecs } from '../support/model-specs.js';
import { testRandom } from '../support/random.js';

/** A model file with int8 weights, from random numbers of about this size. */
async function int8File(spec: ModelSpec, size: number): Promise<Uint8Array> {
  const model = await createModel(spec, { backend: 'reference' });
  const random = testRandom(5);
  for (const { name, shape } of model.parameters.layout.entries) {
    model.parameters.set(
      name,
      random.normals(
        shape.reduce((a, b) => a * b, 1),
        size,
      ),
    );
  }
  const { parameters } = await parseModel(await serializeModel(model));
  const { entries } = model.parameters.layout;
  const tensors = entries.flatMap(({ name, shape }) => tensorsOf({ name, shape, data: parameters.get(name)! }, 'int8'));
  model.dispose();
  return writeSafetensors(tensors, headerOf(spec, { vocabulary: null, metadata: {} }));
}

const [T, N] = [4, 3];

it('computes any model as with their numbers, but for the rounding of inputs to 16 bits', async () => {
  await fc.assert(
    fc.asyncProperty(modelSpecs, async (spec) => {
      const file = await int8File(spec, 0.3);
      const [plain, simd] = [loadPlain(file), loadSimd(file)];
      const random = testRandom(8);
      const inputs = plain.tokens > 0 ? random.integers(T * N, 5) : random.normals(T * N * plain.inputSize);
      const expected = plain.predict(inputs, { batchSize: N }).output.data;
      const found = simd.predict(inputs, { batchSize: N }).output.data;
      const differences = Array.from(expected, (value, i) => Math.abs(value - found[i]!));
      expect(Math.max(...differences)).toBeLessThan(2e-3);
    }),
    { seed: 9, numRuns: 40 },
  );
});

it.each([
  [1, 1],
  [7, 3],
  [16, 4],
  [129, 66],
  [5000, 2], // the sums of one row do not fit into 32 bits
])('of %i inputs and %i units agree with exact sums of 16-bit inputs', async (inputSize, hiddenSize) => {
  const file = await int8File({ inputSize, layers: [{ kind: 'lstm', hiddenSize }] }, 1 / Math.sqrt(inputSize));
  const inputs = Float32Array.from({ length: inputSize * 2 }, (_, i) => (i % 9 < 8 ? 1 : -1)); // 1 is exactly 32,767 units
  const [plain, simd] = [loadPlain(file), loadSimd(file)].map((model) => model.predict(inputs, { batchSize: 2 }));
  plain!.output.data.forEach((value, i) => {
    expect(Math.abs(simd!.output.data[i]! - value)).toBeLessThan(1e-5);
  });
});

it('an infinite number makes the output infinite or not a number, and throws nothing', async () => {
  const cell = { activations: { candidate: 'identity', output: 'identity' } } as const;
  const layers: ModelSpec['layers'] = [
    { kind: 'lstm', hiddenSize: 3, cell },
    { kind: 'linear', size: 5 },
  ];
  const { data } = loadSimd(await int8File({ inputSize: 3, layers }, 1e30)).predict([3e38, 3e38, -3e38]).output;
  expect([...data].map(Number.isFinite)).toEqual([false, false, false, false, false]);
});
