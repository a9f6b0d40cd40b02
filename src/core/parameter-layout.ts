/** The parameters of a spec. */
import { buildLayers } from './build.js';
import { ParameterLayout } from './memory/parameters.js';
import type { ModelSpec } from './spec.js';
import { requireSpec } from './spec-check.js';

/** Names and shapes of all parameters of a model, without building it. Throws `INVALID_SETTING`. */
export function parameterLayout(spec: ModelSpec): ParameterLayout {
  requireSpec(spec);
  return new ParameterLayout(buildLayers(spec).flatMap((layer) => layer.parameters));
}
