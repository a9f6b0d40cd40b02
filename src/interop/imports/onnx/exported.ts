/** Models that Unspool exported to ONNX. */
import { isObject } from '../../../checks.js';
import type { FloatArray } from '../../../contract/kernels.js';
import { buildLayers } from '../../../core/build.js';
import type { ParameterLayout } from '../../../core/memory/parameters.js';
import type { ModelSpec } from '../../../core/spec.js';
import { toOnnx } from '../../exports/onnx.js';
import type { Draft } from '../imported.js';
import { metadataJson, ownModel } from '../own.js';
import type { OnnxFile } from './file.js';
import { partOf, type UsableLayer } from './model.js';

/** Layers that do something in a prediction, and so are in the file. */
const isActive = ({ kind }: { readonly kind: string }): boolean => kind !== 'dropout' && kind !== 'activity';

/** Row h or c of a direction of LSTM layer k, in the metadata of the file; null if it is not there. */
function initialRow(states: unknown, k: number, reverse: boolean, part: string): Float32Array | null {
  const layer: unknown = Array.isArray(states) ? states[k] : null;
  const direction: unknown = Array.isArray(layer) ? layer[reverse && layer.length === 2 ? 1 : 0] : null;
  const row = isObject(direction) ? direction[part] : null;
  return Array.isArray(row) ? Float32Array.from(row) : null;
}

/** The parameters of a spec, from the layers of the graph. */
function parametersFor(
  spec: ModelSpec,
  sizes: ReadonlyMap<string, number>,
  layers: readonly UsableLayer[],
  states: unknown,
): Map<string, FloatArray> {
  const parameters = new Map<string, FloatArray>();
  let [active, lstms] = [0, 0];
  buildLayers(spec).forEach((built, i) => {
    const layer = spec.layers[i]!;
    const found = isActive(layer) ? layers[active++] : undefined;
    if (layer.kind === 'lstm') lstms++;
    for (const { name } of built.parameters) {
      const part = partOf(name);
      const [, state, reverse] = /^([hc])0(_reverse)?$/.exec(part) ?? [];
      const row = state === undefined ? null : initialRow(states, lstms - 1, reverse !== undefined, state);
      // A bias of zeros is left out of a layer that is read.
      const values = row ?? found?.content.parameters.get(part);
      parameters.set(name, values ?? new Float32Array(sizes.get(name)!));
    }
  });
  return parameters;
}

/** The model from which Unspool exported the file; null if it is another file, or was changed. */
export function exportedModel(
  bytes: Uint8Array,
  { metadata }: OnnxFile,
  layers: readonly UsableLayer[],
): Omit<Draft, 'used'> | null {
  const states = metadata.get('initial_state');
  if (states === undefined) return null;
  const parametersOf = (spec: ModelSpec, { entries }: ParameterLayout): Map<string, FloatArray> => {
    const sizes = new Map(entries.map(({ name, size }) => [name, size]));
    return parametersFor(spec, sizes, layers, metadataJson(states));
  };
  return ownModel(bytes, metadata, parametersOf, toOnnx);
}
