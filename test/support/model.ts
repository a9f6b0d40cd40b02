import type { Kernels } from '../../src/contract/kernels.js';
import { lstmVariants } from '../../src/core/lstm/variants.js';
import { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { requireSpec } from '../../src/core/spec-check.js';

/** `createModel` on a backend that the test made, without waiting: with the code of all LSTM variants. */
export function buildModel(kernels: Kernels, spec: ModelSpec, shared = false): Model {
  requireSpec(spec);
  return new Model(kernels, spec, shared, lstmVariants);
}
