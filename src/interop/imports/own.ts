/** Models that Unspool exported: what a format has no place for is in the metadata of the file. */
import type { FloatArray } from '../../contract/kernels.js';
import type { ParameterLayout } from '../../core/memory/parameters.js';
import { parameterLayout } from '../../core/parameter-layout.js';
import type { ModelSpec } from '../../core/spec.js';
import { Vocabulary } from '../../data/vocabulary.js';
import { UnspoolError } from '../../errors.js';
import { parseBounded } from '../bounded-json.js';
import type { ExportableModel } from '../exports/content.js';
import { invalidFile } from '../invalid.js';
import type { Draft } from './imported.js';

/** A value in the metadata. Throws `INVALID_FILE`. */
export function metadataJson(text: string): unknown {
  return parseBounded(new TextEncoder().encode(text), (problem) => {
    throw invalidFile('metadata', `it ${problem}.`);
  });
}

/**
 * The model from which Unspool exported the file, with its names and what acts in training only. `parametersOf` finds its parameters,
 * and `exportOf` exports it again, which must give the same file. So metadata that are wrong, or of a file that was changed, are not
 * used: null.
 */
export function ownModel(
  bytes: Uint8Array,
  metadata: ReadonlyMap<string, string>,
  parametersOf: (spec: ModelSpec, layout: ParameterLayout) => ReadonlyMap<string, FloatArray>,
  exportOf: (model: ExportableModel) => Uint8Array,
): Omit<Draft, 'used'> | null {
  const [text, characters] = [metadata.get('spec'), metadata.get('vocabulary')];
  if (text === undefined) return null;
  try {
    const spec = metadataJson(text) as ModelSpec;
    const vocabulary = characters === undefined ? null : new Vocabulary(metadataJson(characters) as string[]);
    const layout = parameterLayout(spec);
    if (4 * layout.size > bytes.length) return null; // the file has all parameters, so a spec of more is not allocated
    const model = { spec, parameters: parametersOf(spec, layout), vocabulary };
    const again = exportOf(model);
    const isSame = again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
    return isSame ? { ...model, notes: [] } : null;
  } catch (error) {
    if (error instanceof UnspoolError) return null;
    throw error;
  }
}
