/** Keras' older format `.h5`: the config is an attribute, and the weights of each layer are datasets with names in attributes. */
import { type Hdf5Object, readHdf5 } from '../../hdf5/read.js';
import { invalidFile } from '../../invalid.js';
import { quoted } from '../../safetensors.js';
import type { ImportSource } from '../imported.js';
import type { OpenOptions } from '../options.js';
import type { ForeignTensor } from '../tensors.js';
import { versionOf } from './activations.js';
import { openModel } from './assemble.js';
import { type KerasLayer, parseJson, readModel } from './config.js';

/** Parts that a list of names may be split into, because an attribute has at most 64 KB. */
const MAX_PARTS = 100;

/** A list of names: one attribute, or `NAME0`, `NAME1`, ... */
function namesIn(group: Hdf5Object, attribute: string): readonly string[] {
  const whole = group.attribute(attribute);
  if (whole) return whole;
  const names: string[] = [];
  for (let i = 0; i < MAX_PARTS; i++) {
    const part = group.attribute(`${attribute}${i}`);
    if (!part) break;
    names.push(...part);
  }
  return names;
}

/** Opens an HDF5 file that `model.save('model.h5')` wrote. Throws `INVALID_FILE`. */
export function openHdf5(bytes: Uint8Array, { file }: OpenOptions): ImportSource {
  const root = readHdf5(bytes, file);
  const text = root.attribute('model_config')?.[0];
  if (text === undefined) {
    const help = 'Save the whole model: model.save("model.keras").';
    throw invalidFile(file, 'it has no model_config: it contains weights alone, or was not saved by Keras.', help);
  }
  const model = readModel(parseJson(new TextEncoder().encode(text), 'model_config', file), file);
  const groups = root.get('model_weights');
  const weightsOf = (layer: KerasLayer): ForeignTensor[] => {
    const group = groups?.get(layer.name) ?? null;
    if (!group) return [];
    return namesIn(group, 'weight_names').map((name) => {
      const dataset = group.get(name)?.dataset();
      if (!dataset) throw invalidFile(file, `the weight ${quoted(name)} of ${quoted(layer.name)} is missing.`);
      return { name: name.replace(/:\d+$/, ''), shape: dataset.shape, data: () => dataset.data() };
    });
  };
  const version = versionOf(root.attribute('keras_version')?.[0] ?? groups?.attribute('keras_version')?.[0]);
  return openModel({ format: 'a Keras model (HDF5)', file, version, model, weightsOf });
}
