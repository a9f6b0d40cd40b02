/** unspool/infer computes what the engine computes: every layer and variant, whole sequences and steps. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Precision } from '../../src/contract/kernels.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { requireCarriedState } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import { loadModel as loadPlain } from '../../src/infer/index.js';
import { loadModel as loadSimd } from '../../src/infer/simd.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { modelSpecs } from '../support/model-specs.js';
import { testRandom } from '../support/random.js';

/** A model with random weights everywhere, also where initializers give zeros and ones. */
async function modelOf(spec: ModelSpec, precision: Precision) {
  const model = await createModel(spec, { backend: 'reference', precision });
  const random = testRandom(7);
  for (const { name, shape } of model.parameters.layout.entries) {
    model.parameters.set(
      name,
      random.normals(
        shape.reduce((a, b) => a * b, 1),
        0.4,
      ),
    );
  }
  return model;
}

/** The largest difference of two lists, relative where they are large. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce(
    (worst, value, i) => Math.max(worst, Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))),
    0,
  );
}

const [T, N] = [5, 3];
const LENGTHS = [5, 2, 4];

function inputsFor({ inputSize, layers }: ModelSpec, count: number): ArrayLike<number> {
  const random = testRandom(11);
  return layers[0]!.kind === 'embedding' ? random.integers(count, 5) : random.normals(count * inputSize!);
}

const canStream = (spec: ModelSpec): boolean => {
  try {
    requireCarriedState(spec);
    return !spec.layers.some((layer) => layer.kind === 'repeat');
  } catch {
    return false;
  }
};

describe.each<[string, typeof loadPlain, Precision, number]>([
  ['plain', loadPlain, 'float64', 1e-12],
  ['plain', loadPlain, 'float32', 1e-6],
  ['simd', loadSimd, 'float32', 1e-6],
])('unspool/infer next to the engine: %s', (_name, loadModel, precision, tolerance) => {
  it('predicts the same for any model, any order and any lengths', async () => {
    await fc.assert(
      fc.asyncProperty(modelSpecs, fc.boolean(), fc.boolean(), async (spec, ragged, batchFirst) => {
        const model = await modelOf(spec, precision);
        const infer = loadModel(await serializeModel(model));
        const options = { batchSize: N, batchFirst, ...(ragged && { lengths: LENGTHS }) };
        const expected = await model.predict(inputsFor(spec, T * N), options);
        const found = infer.predict(inputsFor(spec, T * N), options);
        model.dispose();
        expect(found.output.shape).toEqual(expected.output.shape);
        expect(distance(found.output.data, expected.output.data)).toBeLessThan(tolerance);
        found.state.forEach(({ h, c }, i) => {
          expect(distance(h, expected.state[i]!.h)).toBeLessThan(tolerance);
          expect(distance(c, expected.state[i]!.c)).toBeLessThan(tolerance);
        });
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  it('steps as the engine streams, from a state that went through JSON', async () => {
    await fc.assert(
      fc.asyncProperty(modelSpecs.filter(canStream), async (spec) => {
        const model = await modelOf(spec, precision);
        const infer = loadModel(await serializeModel(model));
        const stream = model.stream(N);
        let state = infer.initialState(N);
        const inputs = Array.from(inputsFor(spec, T * N));
        const width = inputs.length / T;
        for (let t = 0; t < T; t++) {
          const x = inputs.slice(t * width, (t + 1) * width);
          expect(distance(infer.step(state, x), await stream.step(x))).toBeLessThan(tolerance);
          state = JSON.parse(JSON.stringify(state)) as typeof state;
        }
        model.dispose();
      }),
      { seed: 6, numRuns: 30 },
    );
  });
});
