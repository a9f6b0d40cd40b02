/** Models that Unspool exported: what ONNX has no place for is in the metadata of the file. */
import { isObject } from '../../../checks.js';
import type { FloatArray } from '../../../contract/kernels.js';
import { buildLayers } from '../../../core/build.js';
import { parameterLayout } from '../../../core/parameter-layout.js';
import type { ModelSpec } from '../../../core/spec.js';
import { Vocabulary } from '../../../data/vocabulary.js';
import { UnspoolError } from '../../../errors.js';
import { parseBounded } from '../../bounded-json.js';
import { toOnnx } from '../../exports/onnx.js';
import type { Draft } from '../imported.js';
import type { OnnxFile } from './file.js';
import { partOf, type UsableLayer } from './model.js';

class Unreadable extends Error {}

function json(text: string): unknown {
  return parseBounded(new TextEncoder().encode(text), (problem) => {
    throw new Unreadable(problem);
  });
}

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

/** Whether the file is what this model is exported to. */
function isExportOf(model: Parameters<typeof toOnnx>[0], bytes: Uint8Array): boolean {
  const own = toOnnx(model);
  return own.length === bytes.length && own.every((byte, i) => byte === bytes[i]);
}

/**
 * The model from which Unspool exported the file, with its names and what acts in training only. Exporting it must give the same
 * file, so metadata that are wrong, or of a file that was changed, are not used: null.
 */
export function exportedModel(
  bytes: Uint8Array,
  { metadata }: OnnxFile,
  layers: readonly UsableLayer[],
): Omit<Draft, 'used'> | null {
  const [text, states, characters] = ['spec', 'initial_state', 'vocabulary'].map((key) => metadata.get(key));
  if (text === undefined || states === undefined) return null;
  try {
    const spec = json(text) as ModelSpec;
    const vocabulary = characters === undefined ? null : new Vocabulary(json(characters) as string[]);
    const { entries } = parameterLayout(spec);
    const sizes = new Map(entries.map(({ name, size }) => [name, size]));
    // The file has all parameters, so a spec of more is not allocated.
    if (entries.reduce((sum, { size }) => sum + 4 * size, 0) > bytes.length) return null;
    const parameters = parametersFor(spec, sizes, layers, json(states));
    return isExportOf({ spec, parameters, vocabulary }, bytes) ? { spec, parameters, vocabulary, notes: [] } : null;
  } catch (error) {
    if (error instanceof UnspoolError || error instanceof Unreadable) return null;
    throw error;
  }
}
