/** Systems of many forms, small and of sizes that differ. */
import type { Model } from '../../src/core/model.js';
import { createRng } from '../../src/core/rng.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import type { StepData, System } from '../../src/lab/index.js';
import { modelSystem } from '../../src/lab/index.js';
import { buildModel } from '../support/model.js';

const lstm = (hiddenSize: number, rest: object = {}): LayerSpec => ({ kind: 'lstm', hiddenSize, ...rest }) as LayerSpec;
const head = (size: number): LayerSpec => ({ kind: 'linear', size });

/** By name: a spec, and whether its transition has closed forms, and units. */
export const SPECS: Readonly<Record<string, ModelSpec>> = {
  plain: { inputSize: 3, layers: [lstm(4, { bias: 'single' }), head(2)] },
  'two biases': { inputSize: 2, layers: [lstm(3), head(2)] },
  'no bias': { inputSize: 2, layers: [lstm(3, { bias: false }), head(1)] },
  'without a readout': { inputSize: 3, layers: [lstm(4)] },
  coupled: { inputSize: 3, layers: [lstm(4, { cell: { gates: 'coupled' } }), head(2)] },
  'other activations': {
    inputSize: 3,
    layers: [
      lstm(4, { cell: { activations: { gate: 'hardSigmoid', candidate: 'softsign', output: 'identity' } } }),
      head(2),
    ],
  },
  peepholes: { inputSize: 3, layers: [lstm(4, { cell: { peepholes: true }, init: { peephole: 'normal' } }), head(2)] },
  projection: { inputSize: 3, layers: [lstm(4, { projectionSize: 2 }), head(3)] },
  stacked: { inputSize: 3, layers: [lstm(4), lstm(3), head(2)] },
  'a layer between': { inputSize: 3, layers: [lstm(4), head(3), lstm(2), head(2)] },
  tokens: { layers: [{ kind: 'embedding', size: 5, width: 3 }, lstm(4), head(5)] },
  layerNorm: { inputSize: 3, layers: [lstm(4, { cell: { layerNorm: true } }), head(2)] },
  zoneout: { inputSize: 3, layers: [lstm(4, { zoneout: 0.2 }), head(2)] },
};

/** The forms that have a layer of units: one LSTM right over the input. */
export const WITH_UNITS = ['plain', 'two biases', 'no bias', 'without a readout', 'coupled', 'other activations'];

export interface Made {
  readonly model: Model;
  readonly system: System;
  readonly sequence: readonly StepData[];
}

/** In float64 on the reference backend. */
export function make(spec: ModelSpec, { batchSize = 1, steps = 6 }: { batchSize?: number; steps?: number } = {}): Made {
  const model = buildModel(createReference('float64'), spec);
  const random = createRng(7, 'data');
  const tokens = spec.layers[0]!.kind === 'embedding' ? spec.layers[0]!.size : 0;
  const normals = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
  const classes = (count: number): Int32Array => Int32Array.from({ length: count }, () => random.integer(tokens));
  const sequence = Array.from({ length: steps }, () => ({
    input: tokens ? classes(batchSize) : normals(batchSize * spec.inputSize!),
    target: tokens ? classes(batchSize) : normals(batchSize * model.outputSize),
  }));
  return { model, system: modelSystem(model, { batchSize: batchSize }), sequence };
}
