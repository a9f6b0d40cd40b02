/** Models for the tests of specs, models and tapes. */
import type { Precision } from '../../src/contract/kernels.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { LstmSpec, ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

/** A model on the reference backend. */
export const build = (spec: ModelSpec, precision: Precision = 'float64'): Model =>
  buildModel(createReference(precision), spec);

export const lstm = (hiddenSize: number, more: Partial<LstmSpec> = {}): LstmSpec => ({
  kind: 'lstm',
  hiddenSize,
  ...more,
});

/** A model with values as inputs and outputs, at every step. */
export const VALUES: ModelSpec = { inputSize: 3, layers: [lstm(4), lstm(5), { kind: 'linear', size: 2 }] };
/** A batch of that model: 4 steps of 2 sequences. */
export const VALUES_BATCH: Batch = {
  steps: 4,
  batchSize: 2,
  inputs: testRandom(2).normals(4 * 2 * 3),
  targets: testRandom(3).normals(4 * 2 * 2),
};
/** A model with tokens as inputs and logits over them as outputs. */
export const TOKENS: ModelSpec = {
  layers: [{ kind: 'embedding', size: 6, width: 3 }, lstm(4), lstm(5), { kind: 'linear', size: 6 }],
};
