import type { Kernels } from '../../src/contract/kernels.js';
import { type GradcheckOptions, gradcheck, randomBatch } from '../../src/core/gradcheck.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { buildModel } from '../support/model.js';

// All widths differ, so that the shapes of a product identify its instruction.
export const [V, E, H1, H2, O] = [8, 9, 4, 5, 7];
export const [T, N] = [3, 2];

export const CLASSES: ModelSpec = {
  layers: [
    { kind: 'embedding', size: V, width: E },
    { kind: 'lstm', hiddenSize: H1 },
    { kind: 'lstm', hiddenSize: H2 },
    { kind: 'linear', size: O },
  ],
};
export const REGRESSION: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1, returns: 'last' },
    { kind: 'linear', size: 2 },
  ],
};
export const BITS: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1 },
    { kind: 'linear', size: 2 },
  ],
};
export const NO_BIAS: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1, bias: false },
    { kind: 'lstm', hiddenSize: H2, bias: false },
    { kind: 'linear', size: 2, bias: false },
  ],
};
/** A class that occurs in the targets. */
export const IGNORED = randomBatch(CLASSES, { steps: T, batchSize: N }, O, 3).targets[0]!;

/** A model without a head: h of the LSTM is the output. */
export const BARE: ModelSpec = { inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] };
export const DEEP_HEAD: ModelSpec = {
  inputSize: E,
  layers: [
    { kind: 'lstm', hiddenSize: H1 },
    { kind: 'linear', size: 5 },
    { kind: 'linear', size: 2 },
  ],
};

export const batchOf = (spec: ModelSpec, model: Model): Batch =>
  randomBatch(spec, { steps: T, batchSize: N }, model.outputSize, 3);

/** Targets in [0, 1], for binary cross-entropy. */
export const bits = (batch: Batch): Batch => ({ ...batch, targets: Array.from(batch.targets, (v) => 1 / (1 + v * v)) });

export async function check(k: Kernels, spec: ModelSpec, options: GradcheckOptions = {}) {
  const model = buildModel(k, spec);
  const batch = batchOf(spec, model);
  return gradcheck(model, options.loss === 'binaryCrossEntropy' ? bits(batch) : batch, options);
}
