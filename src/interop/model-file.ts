/**
 * Model files: a safetensors file with the parameters under PyTorch's names, and a description of the model in the header's
 * metadata. A checkpoint also contains the optimizer state and the carried state.
 *
 * Header metadata (JSON, except the first two):
 *   format = "unspool"; version = "2"; spec; vocabulary (a list of characters); metadata (any JSON about the training);
 *   training (progress of a checkpoint; its tensors are `training.optimizer.NAME` and `training.state.LAYER.h|c`)
 */

import { isObject, requireFunction, requireOptional, requireOptions, shown } from '../checks.js';
import type { FloatArray, Precision } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Model } from '../core/model.js';
import { parameterLayout } from '../core/parameter-layout.js';
import type { ModelSpec } from '../core/spec.js';
import { Vocabulary } from '../data/vocabulary.js';
import { invalidData, invalidSetting, UnspoolError } from '../errors.js';
import { isProgress, progressOf, type TrainingProgress } from '../train/progress.js';
import type { TrainingSettings, TrainingState } from '../train/trainer.js';
import { parseBounded } from './bounded-json.js';
import { isFloats, isMap } from './classes.js';
import { invalidFile } from './invalid.js';
import { requireJson } from './plain-json.js';
import { readSafetensors, type SafeTensorsFile, tensorValues } from './safetensors.js';
import { type TensorData, writeSafetensors } from './safetensors-write.js';
import { metadataFromVersion1, specFromVersion1, trainingFromVersion1 } from './version-1.js';

/** The version that is written. Versions 1 and 2 are read. */
const VERSION = '2';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** Any JSON object that a model file stores, such as data, settings and losses. */
export type Metadata = { readonly [key: string]: Json };

/** The optional parts of a model file. */
export interface ModelFileParts {
  readonly vocabulary?: Vocabulary | null;
  /** Any JSON about the training: data, settings, losses. */
  readonly metadata?: Metadata;
  /** The state of the training, in a checkpoint. */
  readonly training?: TrainingState | null;
}

/** The keys of `ModelFileParts`, and the others of what `parseModel` and `deserializeModel` return, which may be passed on. */
const PARTS = ['vocabulary', 'metadata', 'training', 'spec', 'precision', 'parameters', 'model'];

/** The content of a model file. */
export interface ModelFile {
  readonly spec: ModelSpec;
  readonly precision: Precision;
  readonly vocabulary: Vocabulary | null;
  readonly metadata: Metadata;
  readonly training: TrainingState | null;
  /** Parameters by name, in the layout of `spec`. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
}

/** A `TrainingState` in the header's JSON: without the arrays, which are tensors. */
interface TrainingHeader extends TrainingProgress {
  /** Names of the tensors of the optimizer's state. */
  readonly optimizer: readonly string[];
  readonly observed: Readonly<Record<string, readonly number[]>>;
  /** Number of LSTM layers whose state is carried; null if none is. */
  readonly carried: number | null;
  readonly settings?: TrainingSettings;
}

/** A model whose parameters can be downloaded, on this thread or in a worker. */
export interface SerializableModel extends Pick<Model, 'spec'> {
  readonly parameters: Pick<Arena, 'layout' | 'download'>;
}

/** The metadata of a model file. Throws `INVALID_SETTING` or `INVALID_DATA` for what cannot be read again. */
export function headerOf(spec: ModelSpec, { vocabulary, metadata = {} }: ModelFileParts): Record<string, string> {
  const header: Record<string, string> = { format: 'unspool', version: VERSION, spec: JSON.stringify(spec) };
  if (vocabulary) {
    if (!(vocabulary instanceof Vocabulary))
      throw invalidSetting('vocabulary', `must be a Vocabulary, got ${shown(vocabulary)}.`);
    header.vocabulary = JSON.stringify(vocabulary.characters);
  }
  if (!isObject(metadata)) throw invalidData('metadata', `must be a plain object, got ${shown(metadata)}.`);
  requireJson('metadata', metadata);
  header.metadata = JSON.stringify(metadata);
  return header;
}

/** The training state as JSON and as tensors, copied: the caller may continue with its arrays. */
function trainingParts(training: TrainingState, spec: ModelSpec): { text: string; tensors: TensorData[] } {
  const given: Partial<TrainingState> = isObject(training) ? training : {};
  const { optimizer, carried, ...rest } = given;
  const names = isMap(optimizer) ? [...optimizer.keys()] : null;
  const state = {
    ...rest,
    optimizer: names,
    carried: Array.isArray(carried) ? carried.length : carried === null ? null : undefined,
  };
  const tensors: TensorData[] = [];
  const add = (name: string, data: unknown): void => {
    if (!isFloats(data)) {
      throw invalidSetting(`training.${name}`, `must be a Float32Array or a Float64Array, got ${shown(data)}.`);
    }
    tensors.push({ name: `training.${name}`, shape: [data.length], data: data.slice() });
  };
  if (!isTrainingHeader(state, statefulLayers(spec))) {
    throw invalidSetting('training', 'must be what checkpoint() of a training of this model returned.');
  }
  for (const [name, data] of optimizer!) add(`optimizer.${name}`, data);
  carried?.forEach((layer, i) => {
    add(`state.${i}.h`, layer?.h);
    add(`state.${i}.c`, layer?.c);
  });
  requireJson('training', state);
  return { text: JSON.stringify(state), tensors };
}

/** Returns the bytes of a model file. The same model and parts give the same bytes. */
export async function serializeModel(model: SerializableModel, parts: ModelFileParts = {}): Promise<Uint8Array> {
  requireOptions('parts', parts, PARTS);
  if (!isObject(model) || !isObject(model.parameters)) {
    throw invalidSetting('model', `must be a model, got ${shown(model)}.`);
  }
  const { spec, parameters } = model;
  requireFunction('model.parameters.download', parameters.download);
  const header = headerOf(spec, parts);
  const training = parts.training ? trainingParts(parts.training, spec) : null;
  if (training) header.training = training.text;
  const values = await parameters.download();
  const tensors = parameters.layout.entries.map(({ name, shape }) => ({ name, shape, data: values.get(name)! }));
  return writeSafetensors([...tensors, ...(training?.tensors ?? [])], header);
}

/** Reads the bytes of a model file or checkpoint. Throws `INVALID_FILE`; `file` is the file's name in messages. */
export function parseModel(bytes: Uint8Array, file = 'model file'): ModelFile {
  requireOptional('file', file, 'string');
  const content = readSafetensors(bytes, file);
  const { metadata } = content;
  if (metadata.get('format') !== 'unspool') {
    throw invalidFile(
      file,
      'it was not saved by Unspool: its header does not describe a model.',
      'Import a state dict of PyTorch: `unspool import FILE`, or importModel() of unspool/interop.',
    );
  }
  const version = metadata.get('version');
  if (version !== VERSION && version !== '1') {
    throw invalidFile(
      file,
      `it was saved in version ${version} of the format; this program reads versions 1 and ${VERSION}.`,
      'Use a newer Unspool.',
    );
  }
  const described = json(metadata.get('spec'), 'spec', file);
  const spec = (version === '1' ? specFromVersion1(described) : described) as ModelSpec;
  const parameters = readParameters(content, spec, file);
  const first = parameters.values().next().value;
  return {
    spec,
    precision: first instanceof Float64Array ? 'float64' : 'float32',
    vocabulary: readVocabulary(metadata.get('vocabulary'), spec, file),
    metadata: readMetadata(content, file),
    training: metadata.has('training') ? readTraining(content, spec, file) : null,
    parameters,
  };
}

/** Turns errors about a spec or vocabulary in a file into `INVALID_FILE`. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw invalidFile(file, `its header is invalid: ${error.message}`);
  }
}

function json(text: string | undefined, what: string, file: string): unknown {
  const bytes = new TextEncoder().encode(text ?? '');
  return parseBounded(bytes, (problem) => {
    throw invalidFile(file, `the ${what} in its header ${problem}.`);
  });
}

const isVersion1 = ({ metadata }: SafeTensorsFile): boolean => metadata.get('version') === '1';

function readMetadata(content: SafeTensorsFile, file: string): Metadata {
  const text = content.metadata.get(isVersion1(content) ? 'facts' : 'metadata') ?? '{}';
  const metadata = json(text, 'metadata', file);
  if (!isObject(metadata)) throw invalidFile(file, 'the metadata in its header must be a JSON object.');
  return (isVersion1(content) ? metadataFromVersion1(metadata) : metadata) as Metadata;
}

function readVocabulary(text: string | undefined, spec: ModelSpec, file: string): Vocabulary | null {
  if (text === undefined) return null;
  const characters = json(text, 'vocabulary', file);
  if (!Array.isArray(characters)) throw invalidFile(file, 'the vocabulary in its header must be a list of characters.');
  const vocabulary = inFile(file, () => new Vocabulary(characters));
  const first = spec.layers[0];
  if (first?.kind === 'embedding' && vocabulary.size > first.size) {
    throw invalidFile(
      file,
      `its vocabulary has ${vocabulary.size} characters, but its model has only ${first.size} tokens.`,
    );
  }
  return vocabulary;
}

/** Throws `INVALID_FILE` for a weight that is NaN or infinite. */
export function requireFinite(name: string, values: FloatArray, file: string): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalidFile(file, `${name} is ${values[bad]} at index ${bad}; all weights must be finite.`);
}

function readParameters(content: SafeTensorsFile, spec: ModelSpec, file: string): Map<string, FloatArray> {
  const layout = inFile(file, () => parameterLayout(spec));
  const parameters = new Map<string, FloatArray>();
  for (const { name, shape } of layout.entries) {
    const tensor = content.tensors.get(name);
    if (!tensor) throw invalidFile(file, `the parameter ${name} is missing.`);
    if (tensor.shape.join() !== shape.join()) {
      throw invalidFile(
        file,
        `${name} has shape [${tensor.shape.join(', ')}], but its model needs [${shape.join(', ')}].`,
      );
    }
    const values = tensorValues(tensor, file);
    requireFinite(name, values, file);
    parameters.set(name, values);
  }
  return parameters;
}

function readTraining(content: SafeTensorsFile, spec: ModelSpec, file: string): TrainingState {
  const text = json(content.metadata.get('training'), 'training state', file);
  const header = isVersion1(content) && isObject(text) ? trainingFromVersion1(text) : text;
  const layers = Array.from({ length: statefulLayers(spec) }, (_, i) => i);
  if (!isTrainingHeader(header, layers.length)) throw invalidFile(file, 'the training state in its header is invalid.');
  const values = (name: string): FloatArray => {
    const tensor = content.tensors.get(`training.${name}`);
    if (!tensor) throw invalidFile(file, `the tensor training.${name} is missing.`);
    return tensorValues(tensor, file);
  };
  const { optimizer, observed, carried, settings } = header;
  return {
    ...progressOf(header),
    observed,
    ...(settings && { settings }),
    optimizer: new Map(optimizer.map((name) => [name, values(`optimizer.${name}`)])),
    carried: carried === null ? null : layers.map((i) => ({ h: values(`state.${i}.h`), c: values(`state.${i}.c`) })),
  };
}

/** Layers whose state a checkpoint has: only forward LSTMs carry one. */
const statefulLayers = ({ layers }: ModelSpec): number => layers.filter(({ kind }) => kind === 'lstm').length;

function isTrainingHeader(value: unknown, lstmLayers: number): value is TrainingHeader {
  if (!isObject(value) || !isProgress(value)) return false;
  const { optimizer, observed, carried, settings } = value as Partial<TrainingHeader>;
  const isNumbers = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isFinite);
  return (
    Array.isArray(optimizer) &&
    optimizer.every((name) => typeof name === 'string') &&
    isObject(observed) &&
    Object.values(observed).every(isNumbers) &&
    (carried === null || carried === lstmLayers) &&
    (settings === undefined || isObject(settings))
  );
}
