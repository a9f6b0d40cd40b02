/** TensorFlow.js: a layers model (`model.json` and shards), or the weights of a TensorFlow graph, as Magenta publishes them. */
import { isObject } from '../../../checks.js';
import { parseBounded } from '../../bounded-json.js';
import { invalidFile } from '../../invalid.js';
import { quoted } from '../../safetensors.js';
import type { ImportSource } from '../imported.js';
import type { OpenOptions } from '../options.js';
import { listed } from '../report.js';
import type { ForeignTensor } from '../tensors.js';
import { versionOf } from './activations.js';
import { openModel } from './assemble.js';
import { type Json, type KerasLayer, own, readModel } from './config.js';
import { readManifest } from './manifest.js';
import { openCheckpoint } from './tf-cells.js';

/** The weights of each layer: those that have its name in their path. Throws for one that belongs to no layer. */
function byLayer(
  tensors: readonly ForeignTensor[],
  layers: readonly KerasLayer[],
  file: string,
): Map<string, ForeignTensor[]> {
  const groups = new Map<string, ForeignTensor[]>(layers.map(({ name }) => [name, []]));
  const left = tensors.filter((tensor) => {
    const owner = tensor.name.split('/').find((part) => groups.has(part));
    if (owner !== undefined) groups.get(owner)!.push(tensor);
    return owner === undefined;
  });
  if (left.length === 0) return groups;
  throw invalidFile(file, `weights that belong to no layer: ${listed(left.map(({ name }) => quoted(name)))}.`);
}

function openLayers(topology: Json, tensors: readonly ForeignTensor[], file: string): ImportSource {
  const config = own(topology, 'model_config') ?? topology;
  const model = readModel(isObject(config) ? config : {}, file);
  const groups = byLayer(tensors, model.inFile, file);
  const weightsOf = ({ name }: KerasLayer): readonly ForeignTensor[] => groups.get(name)!;
  const version = versionOf(own(topology, 'keras_version'));
  return openModel({ format: 'a TensorFlow.js model', file, version, model, weightsOf });
}

/** Opens a model.json, or a weights_manifest.json; `part` reads its shards. Throws `INVALID_FILE`. */
export async function openTfjs(
  bytes: Uint8Array,
  options: OpenOptions & { readonly forgetBias?: number },
): Promise<ImportSource> {
  const { file } = options;
  const value = parseBounded(bytes, (problem) => {
    throw invalidFile(file, `it ${problem}.`);
  });
  const description: Json = isObject(value) ? value : {};
  const manifest = Array.isArray(value) ? value : own(description, 'weightsManifest');
  const tensors = await readManifest(manifest, options);
  const topology = own(description, 'modelTopology');
  const isLayers = isObject(topology) && own(topology, 'node') === undefined; // a graph has a list of nodes
  return isLayers
    ? openLayers(topology, tensors, file)
    : openCheckpoint(tensors, 'TensorFlow weights (TensorFlow.js)', file, options.forgetBias);
}
