/** Checks what a reader made of a file, and turns it into a model file. */
import { didYouMean } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import type { ParameterEntry, ParameterLayout } from '../../core/memory/parameters.js';
import { parameterLayout } from '../../core/parameter-layout.js';
import type { ModelSpec } from '../../core/spec.js';
import { invalidSetting, UnspoolError } from '../../errors.js';
import { type ExportableModel, parametersOf } from '../exports/content.js';
import { invalidFile } from '../invalid.js';
import { headerOf, requireFinite } from '../model-file.js';
import { writeSafetensors } from '../safetensors-write.js';
import type { Draft, ForeignLayer, Imported, ImportSource } from './imported.js';
import type { ImportOptions } from './options.js';
import { listed, selection } from './report.js';

/** The error for a name that `node` may not have. */
export function unknownNode(node: string, layers: readonly ForeignLayer[]): UnspoolError {
  const names = layers.map(({ name }) => name);
  const help = names.length > 0 ? `The file has ${listed(names)}.` : 'The file has no layers.';
  return invalidSetting('node', `the file has no layer "${node}".${didYouMean(node, names)}`, help);
}

/**
 * Imports an opened file, or a part of it. Without `node` the model must have every layer of the file: a layer is never left out
 * silently. Throws `INVALID_FILE`.
 */
export function importFrom(source: ImportSource, { node, file = source.format }: ImportOptions): Imported {
  const { format, layers } = source;
  if (node === undefined) requireAll(layers, ({ problem }) => problem === null, file);
  const draft = source.read(node);
  const used = new Set(draft.used);
  if (node === undefined) requireAll(layers, ({ name }) => used.has(name), file);
  const parameters = checkedParameters(draft, file);
  const isDouble = [...parameters.values()].some((values) => values instanceof Float64Array);
  return {
    format,
    layers: layers.map((layer) => ({ ...layer, used: used.has(layer.name) })),
    spec: draft.spec,
    precision: isDouble ? 'float64' : 'float32',
    parameters: isDouble ? new Map([...parameters].map(([name, values]) => [name, widened(values)])) : parameters,
    vocabulary: draft.vocabulary ?? null,
    notes: draft.notes,
  };
}

const widened = (values: FloatArray): Float64Array =>
  values instanceof Float64Array ? values : Float64Array.from(values);

/** Throws unless all layers of the file are imported. */
function requireAll(layers: readonly ForeignLayer[], isImported: (layer: ForeignLayer) => boolean, file: string): void {
  const left = layers.filter((layer) => !isImported(layer));
  if (left.length === 0) return;
  const texts = left.map(
    ({ name, kind, problem }) => `${name} (${kind}): ${problem ?? 'it is not part of the model.'}`,
  );
  const count = `${left.length} of ${layers.length} layers cannot be imported`;
  throw invalidFile(file, `${count}.\n  ${listed(texts, '\n  ')}`, selection(layers));
}

/** The parameters that a spec of a file has. Throws `INVALID_FILE` for a spec that is not valid. */
export function layoutOf(spec: ModelSpec, file: string): ParameterLayout {
  try {
    return parameterLayout(spec);
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw invalidFile(file, `its layers do not form a model: ${error.message}`);
  }
}

/** The parameters in the layout of the spec. */
function checkedParameters({ spec, parameters }: Draft, file: string): Map<string, FloatArray> {
  const valuesOf = ({ name, size }: ParameterEntry): FloatArray => {
    const values = parameters.get(name);
    if (values?.length !== size) {
      throw invalidFile(file, `${name} has ${values?.length ?? 0} numbers, but its model needs ${size}.`);
    }
    requireFinite(name, values, file);
    return values;
  };
  return new Map(layoutOf(spec, file).entries.map((entry) => [entry.name, valuesOf(entry)]));
}

/**
 * Returns the bytes of a model file with an imported model, which `deserializeModel`, `unspool/infer` and the commands read. The
 * metadata name the format that it comes from. Throws `INVALID_SETTING`.
 */
export function toModelFile(model: ExportableModel & Partial<Pick<Imported, 'format'>>): Uint8Array {
  const tensors = parametersOf(model);
  const { spec, vocabulary = null, format, metadata = format === undefined ? {} : { importedFrom: format } } = model;
  return writeSafetensors(tensors, headerOf(spec, { vocabulary, metadata }));
}
