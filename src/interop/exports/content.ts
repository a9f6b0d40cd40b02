/** What an export needs of a model file. */
import { isObject, shown } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { buildLayers } from '../../core/build.js';
import type { LstmSpec } from '../../core/lstm/spec.js';
import { parameterLayout } from '../../core/parameter-layout.js';
import type { LayerSpec } from '../../core/spec.js';
import { invalidSetting } from '../../errors.js';
import { isFloats, isMap } from '../classes.js';
import type { ModelFile } from '../model-file.js';

/** The parts of a `ModelFile` that exports use. */
export type ExportableModel = Pick<ModelFile, 'spec' | 'parameters'> &
  Partial<Pick<ModelFile, 'vocabulary' | 'metadata'>>;

/** One parameter with its shape. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: FloatArray;
}

/** The parameters in the order of the spec. Throws `INVALID_SETTING` unless `model` is what `parseModel` returns. */
export function parametersOf(model: ExportableModel): Parameter[] {
  if (!isObject(model) || !isMap(model.parameters)) {
    throw invalidSetting('model', `must be what parseModel() returned, got ${shown(model)}.`);
  }
  const { vocabulary = null } = model;
  if (vocabulary !== null && !(isObject(vocabulary) && Array.isArray(vocabulary.characters))) {
    throw invalidSetting('model.vocabulary', `must be a Vocabulary, got ${shown(vocabulary)}.`);
  }
  const { entries } = parameterLayout(model.spec);
  return entries.map(({ name, shape, size }) => {
    const data: unknown = model.parameters.get(name);
    if (isFloats(data) && data.length === size) return { name, shape, data };
    throw invalidSetting(`model.parameters: ${name}`, `must have ${size} numbers in a Float32Array or a Float64Array.`);
  });
}

/** A layer with its parameters. */
export interface ExportedLayer {
  readonly spec: LayerSpec;
  readonly parameters: readonly Parameter[];
  readonly outputSize: number;
}

/** What a format needs: the layers, and any parameter by its name, such as a tied one. */
export interface ExportedModel {
  readonly layers: readonly ExportedLayer[];
  readonly parameter: (name: string) => Parameter;
}

/** The kinds of layers that formats of other programs can have, or need not have. */
const KINDS: readonly string[] = ['lstm', 'embedding', 'linear', 'dropout', 'repeat', 'activity'];

/**
 * The layers of a model for a format whose LSTM is `target`. Throws `INVALID_SETTING` for a layer that it cannot express;
 * `problemOf` names what of it.
 */
export function layersFor(
  model: ExportableModel,
  target: string,
  problemOf: (spec: LstmSpec) => string | null,
): ExportedModel {
  const byName = new Map(parametersOf(model).map((parameter) => [parameter.name, parameter]));
  const parameter = (name: string): Parameter => byName.get(name)!;
  const specs = model.spec.layers;
  const help = 'Export it with --to module, or train a model without it.';
  specs.forEach((spec, i) => {
    if (!KINDS.includes(spec.kind)) {
      throw invalidSetting(`layers[${i}]`, `is a layer of kind "${spec.kind}", which this format cannot have.`, help);
    }
    const problem = spec.kind === 'lstm' ? problemOf(spec) : null;
    if (problem === null) return;
    throw invalidSetting(`layers[${i}]`, `has ${problem}, which ${target} cannot express.`, help);
  });
  const layers = buildLayers(model.spec).map(({ parameters, outputSize }, i) => {
    return { spec: specs[i]!, parameters: parameters.map(({ name }) => parameter(name)), outputSize };
  });
  return { layers, parameter };
}
