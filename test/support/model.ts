import type { Kernels } from '../../src/contract/kernels.js';
import { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { requireSpec } from '../../src/core/spec-check.js';
import { variants } from '../../src/core/variants.js';

/** `createModel` on a backend that the test made, without waiting: with the code of all variants. */
export function buildModel(kernels: Kernels, spec: ModelSpec, shared = false): Model {
  requireSpec(spec);
  return new Model(kernels, spec, shared, variants);
}
