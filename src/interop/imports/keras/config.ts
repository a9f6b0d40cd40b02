/** The description of a Keras model: JSON in `config.json`, in the attribute `model_config`, or in TensorFlow.js' model.json. */
import { isObject } from '../../../checks.js';
import { MAX_LAYERS } from '../../../core/sizes.js';
import { parseBounded } from '../../bounded-json.js';
import { invalidFile } from '../../invalid.js';

/** A JSON object. Only own properties are read, because a file may contain `__proto__`. */
export type Json = { readonly [key: string]: unknown };

/** A layer of a Keras model. */
export interface KerasLayer {
  readonly name: string;
  /** `LSTM`, `Dense`, ... */
  readonly className: string;
  readonly config: Json;
  /** Why the layer cannot be imported because of its place in the model; null if it can. */
  readonly problem: string | null;
}

/** A Keras model. */
export interface KerasModel {
  /** Without the input layer, from input to output. */
  readonly layers: readonly KerasLayer[];
  /** All layers with the input layer, in the order of the file: the `.keras` format numbers their weights in this order. */
  readonly inFile: readonly KerasLayer[];
  /** The shape of one input without N, such as [T, D]; null if the file does not contain it. */
  readonly inputShape: readonly (number | null)[] | null;
}

/** An own property; undefined for one that is inherited, or missing. */
export const own = (object: Json, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

export function parseJson(bytes: Uint8Array, what: string, file: string): Json {
  const value = parseBounded(bytes, (problem) => {
    throw invalidFile(file, `its ${what} ${problem}.`);
  });
  if (!isObject(value)) throw invalidFile(file, `its ${what} is not a JSON object.`);
  return value;
}

const MODELS = ['Sequential', 'Functional', 'Model'];

/** Why a class is not one of Keras' own; null if it is. */
const customProblem = (description: Json): string | null => {
  const registered = own(description, 'registered_name');
  return typeof registered === 'string' && registered.includes('>') ? 'it is a custom layer.' : null;
};

function layerOf(description: unknown, file: string): KerasLayer {
  if (!isObject(description)) throw invalidFile(file, 'a layer in its config is not an object.');
  const className = own(description, 'class_name');
  const config = own(description, 'config');
  if (typeof className !== 'string' || !isObject(config)) {
    throw invalidFile(file, 'a layer in its config has no class_name or no config.');
  }
  const name = own(config, 'name') ?? own(description, 'name') ?? className.toLowerCase();
  if (typeof name !== 'string' || name === '' || /\p{Surrogate}/u.test(name)) {
    throw invalidFile(file, `the name of a layer ${className} is not text.`);
  }
  return { name, className, config, problem: customProblem(description) };
}

/** The shape of the input, from an input layer or the first layer of a sequential model. */
function inputShapeOf({ config }: KerasLayer): (number | null)[] | null {
  const shape = own(config, 'batch_shape') ?? own(config, 'batch_input_shape');
  if (!Array.isArray(shape)) return null;
  return shape.slice(1).map((size: unknown) => (typeof size === 'number' ? size : null));
}

/** Reads the description `{ class_name, config }` of a model. Throws `INVALID_FILE`. */
export function readModel(description: Json, file: string): KerasModel {
  const className = own(description, 'class_name');
  const config = own(description, 'config');
  if (typeof className !== 'string' || !MODELS.includes(className)) {
    const help = 'Build it as a Sequential model, or a functional model of one chain of layers, with the same weights.';
    throw invalidFile(file, `it describes a ${JSON.stringify(className) ?? 'model without a class'}.`, help);
  }
  // Keras before 2.2.3 wrote the list itself.
  const list: unknown = isObject(config) ? own(config, 'layers') : config;
  if (!Array.isArray(list)) throw invalidFile(file, 'its config has no list of layers.');
  if (list.length > MAX_LAYERS) throw invalidFile(file, `it has ${list.length} layers; the maximum is ${MAX_LAYERS}.`);
  const inFile = list.map((layer) => layerOf(layer, file));
  const names = new Set(inFile.map(({ name }) => name));
  if (names.size < inFile.length) throw invalidFile(file, 'its config has two layers of the same name.');
  const first = inFile.find(({ className: kind }) => kind === 'InputLayer') ?? inFile[0];
  const inputShape = first ? inputShapeOf(first) : null;
  const isChain = className === 'Sequential';
  const layers = isChain ? inFile : chainOf(inFile, list as Json[]);
  return { layers: layers.filter(({ className: kind }) => kind !== 'InputLayer'), inFile, inputShape };
}

/** The layers whose outputs a functional layer reads; null if it is called more than once, or with more than one tensor. */
function inputOf(description: Json): string | null {
  const nodes = own(description, 'inbound_nodes');
  if (!Array.isArray(nodes) || nodes.length !== 1) return null;
  const [node] = nodes as unknown[];
  const found = isObject(node) ? kerasHistories(node) : listedTensors(node);
  if (found === null || found.length !== 1) return null;
  const [name, call, output] = found[0]!;
  return typeof name === 'string' && call === 0 && output === 0 ? name : null;
}

/** Keras 3: tensors anywhere in the arguments. */
function kerasHistories(value: unknown): unknown[][] {
  if (Array.isArray(value)) return value.flatMap(kerasHistories);
  if (!isObject(value)) return [];
  const config = own(value, 'config');
  if (own(value, 'class_name') === '__keras_tensor__' && isObject(config)) {
    const history = own(config, 'keras_history');
    return [Array.isArray(history) ? history : []];
  }
  return Object.values(value).flatMap(kerasHistories);
}

/** Keras 2 and TensorFlow.js: [[name, call, output, arguments], ...]; null if an argument may be a tensor. */
function listedTensors(node: unknown): unknown[][] | null {
  if (!Array.isArray(node)) return null;
  const tensors = (typeof node[0] === 'string' ? [node] : node) as unknown[];
  for (const tensor of tensors) {
    if (!Array.isArray(tensor)) return null;
    const more: unknown = tensor[3];
    if (isObject(more) && Object.values(more).some((value) => typeof value === 'object' && value !== null)) return null;
  }
  return tensors as unknown[][];
}

const OFF_CHAIN =
  'it is not in one chain from the input: it has several inputs, or follows a layer with several outputs.';

/** The layers of a functional model from input to output; those that are not in one chain follow, with the reason. */
function chainOf(layers: readonly KerasLayer[], descriptions: readonly Json[]): KerasLayer[] {
  const inputs = descriptions.map(inputOf);
  const readers = new Map<string, number[]>();
  inputs.forEach((input, i) => {
    if (input !== null) readers.set(input, [...(readers.get(input) ?? []), i]);
  });
  const starts = layers.filter(({ className }) => className === 'InputLayer');
  const chain: KerasLayer[] = [];
  for (let at = starts.length === 1 ? starts[0] : undefined; at && !chain.includes(at); ) {
    chain.push(at);
    const next: number[] = readers.get(at.name) ?? [];
    at = next.length === 1 ? layers[next[0]!] : undefined;
  }
  const left = layers.filter((layer) => !chain.includes(layer) && layer.className !== 'InputLayer');
  return [...chain, ...left.map((layer) => ({ ...layer, problem: layer.problem ?? OFF_CHAIN }))];
}
