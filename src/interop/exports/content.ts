/** What an export needs of a model file. */
import { classOf, isObject, shown } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { parameterLayout } from '../../core/parameter-layout.js';
import { invalidSetting } from '../../errors.js';
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
  if (!isObject(model) || classOf(model.parameters) !== 'Map') {
    throw invalidSetting('model', `must be what parseModel() returned, got ${shown(model)}.`);
  }
  const { vocabulary = null } = model;
  if (vocabulary !== null && !(isObject(vocabulary) && Array.isArray(vocabulary.characters))) {
    throw invalidSetting('model.vocabulary', `must be a Vocabulary, got ${shown(vocabulary)}.`);
  }
  const { entries } = parameterLayout(model.spec);
  return entries.map(({ name, shape, size }) => {
    const data: unknown = model.parameters.get(name);
    if (/^Float(32|64)Array$/.test(classOf(data)) && (data as FloatArray).length === size) {
      return { name, shape, data: data as FloatArray };
    }
    throw invalidSetting(`model.parameters: ${name}`, `must have ${size} numbers in a Float32Array or a Float64Array.`);
  });
}
