/** Keras 3's format `.keras`: a zip archive with `config.json`, `metadata.json` and `model.weights.h5`. */
import { type Hdf5Object, readHdf5 } from '../../hdf5/read.js';
import { invalidFile } from '../../invalid.js';
import { groupNames, VARIABLES } from '../../keras-names.js';
import type { ImportSource } from '../imported.js';
import type { OpenOptions } from '../options.js';
import type { ForeignTensor } from '../tensors.js';
import { unpackedBytes } from '../unpack.js';
import { readZip } from '../zip.js';
import { versionOf } from './activations.js';
import { openModel } from './assemble.js';
import { type KerasLayer, own, parseJson, readModel } from './config.js';

/** The folders of the layers in `model.weights.h5`: of Keras 3, and of Keras 2.12 to 2.15. */
const FOLDERS = ['layers', '_layer_checkpoint_dependencies'];

/** The most variables that one group of a supported layer has. */
const MAX_VARIABLES = 3;

/** The variables in a group: `0`, `1`, ... */
function variablesIn(group: Hdf5Object | null): ForeignTensor[] {
  const found: ForeignTensor[] = [];
  for (let i = 0; i < MAX_VARIABLES; i++) {
    const dataset = group?.get(String(i))?.dataset();
    if (!dataset) break;
    found.push({ name: String(i), shape: dataset.shape, data: () => dataset.data() });
  }
  return found;
}

/** The variables of an RNN layer: of its cell, or of each of its stacked cells. */
function rnnVariables(group: Hdf5Object, { config }: KerasLayer): ForeignTensor[] {
  const cells = group.get('cell/cells');
  if (!cells) return variablesIn(group.get('cell/vars'));
  const inner = own(config, 'cell') as { config?: { cells?: unknown[] } } | undefined;
  const count = inner?.config?.cells?.length ?? 0;
  return Array.from({ length: count }, (_, i) => `lstm_cell${i === 0 ? '' : `_${i}`}/vars`).flatMap((path) =>
    variablesIn(cells.get(path)),
  );
}

/** Opens a `.keras` file. Throws `INVALID_FILE`. */
export async function openKeras(bytes: Uint8Array, { file }: OpenOptions): Promise<ImportSource> {
  const entries = readZip(bytes, file);
  const member = (name: string): Promise<Uint8Array> => {
    const entry = entries.get(name);
    if (!entry) throw invalidFile(file, `it has no ${name}, so it is not a Keras model.`);
    return unpackedBytes(entry, file);
  };
  const metadata = parseJson(await member('metadata.json'), 'metadata.json', file);
  const config = parseJson(await member('config.json'), 'config.json', file);
  const weights = readHdf5(await member('model.weights.h5'), file);
  const model = readModel(config, file);
  const groups = groupNames(model.inFile);
  const folder = FOLDERS.map((name) => weights.get(name)).find((group) => group !== null);
  const weightsOf = (layer: KerasLayer): ForeignTensor[] => {
    const group = folder?.get(groups.get(layer.name)!) ?? null;
    if (group && layer.className === 'RNN') return rnnVariables(group, layer);
    const paths = Object.hasOwn(VARIABLES, layer.className) ? VARIABLES[layer.className]! : ['vars'];
    return paths.flatMap((path) => variablesIn(group?.get(path) ?? null));
  };
  const version = versionOf(own(metadata, 'keras_version'));
  return openModel({ format: 'a Keras model (.keras)', file, version, model, weightsOf });
}
