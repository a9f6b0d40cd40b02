/** Random models that ONNX can express. */
import { parameterLayout } from '../../../src/core/parameter-layout.js';
import type { LayerSpec, LstmSpec, ModelSpec } from '../../../src/core/spec.js';
import { modelSpecs } from '../../support/model-specs.js';
import { testRandom } from '../../support/random.js';

/** The specs without what ONNX cannot express. */
export const expressible = modelSpecs.map((spec): ModelSpec => {
  const layers = spec.layers.map((layer): LayerSpec => {
    if (layer.kind !== 'lstm') return layer;
    const { projectionSize: _, zoneout: __, cell, ...rest } = layer;
    if (!cell) return rest;
    const { layerNorm: ___, gateRecurrence: ____, clip: _____, gates, ...others } = cell;
    const kept = gates === 'coupled' || gates === 'all' ? { gates } : {};
    return { ...rest, cell: { ...others, ...kept } } as LstmSpec;
  });
  return { ...spec, layers };
});

/** A model with the random parameters of a seed, float32. */
export function withParameters(spec: ModelSpec, seed: number) {
  const random = testRandom(seed);
  const { entries } = parameterLayout(spec);
  const parameters = new Map(entries.map(({ name, size }) => [name, Float32Array.from(random.normals(size, 0.4))]));
  return { spec, parameters };
}

/** Random inputs of a seed: four steps of three sequences. */
export function inputsFor(spec: ModelSpec, seed: number) {
  const [steps, batchSize] = [4, 3];
  const random = testRandom(seed + 1);
  const count = steps * batchSize;
  const inputs = spec.inputSize ? Float32Array.from(random.normals(count * spec.inputSize)) : random.integers(count, 5);
  return { steps, batchSize, inputs };
}
