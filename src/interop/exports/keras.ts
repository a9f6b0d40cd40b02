/**
 * A model as a `.keras` file: a zip archive of the config, and of the weights in HDF5. Keras' gates have our order, its kernels are
 * the transposes of our weights, and it has one bias for each gate.
 */

import type { Activation, FloatArray } from '../../contract/kernels.js';
import type { LstmSpec } from '../../core/lstm/spec.js';
import { cellVariant, noiseRates } from '../../core/lstm/variant.js';
import type { LayerSpec } from '../../core/spec.js';
import { invalidSetting } from '../../errors.js';
import { type DatasetData, writeHdf5 } from '../hdf5/write.js';
import { groupNames, VARIABLES } from '../keras-names.js';
import { defaultName } from '../layer-names.js';
import { summed, transposed } from '../weights.js';
import { writeZip } from '../zip-write.js';
import { type ExportableModel, type ExportedLayer, type ExportedModel, layersFor, type Parameter } from './content.js';

/** The names of activations that Keras has without numbers, and those whose numbers are fixed in Keras. */
const ACTIVATIONS: Partial<
  Record<Activation['kind'], { readonly name: string; readonly alpha?: number; readonly beta?: number }>
> = {
  sigmoid: { name: 'sigmoid' },
  tanh: { name: 'tanh' },
  identity: { name: 'linear' },
  relu: { name: 'relu' },
  softsign: { name: 'softsign' },
  softplus: { name: 'softplus' },
  elu: { name: 'elu', alpha: 1 },
  leakyRelu: { name: 'leaky_relu', alpha: 0.2 },
  hardSigmoid: { name: 'hard_sigmoid', alpha: 1 / 6, beta: 0.5 },
};

/** The name of an activation in Keras 3; null if it has none with these numbers. */
function activationName({ kind, alpha, beta }: Activation): string | null {
  const found = ACTIVATIONS[kind];
  const isSame = (one: number, other: number | undefined): boolean =>
    other === undefined || Math.fround(one) === Math.fround(other);
  return found && isSame(alpha, found.alpha) && isSame(beta, found.beta) ? found.name : null;
}

/** What an LSTM layer of Keras cannot express. */
function problemOf(spec: LstmSpec): string | null {
  const { cell = {}, direction, returns = 'all' } = spec;
  const { gate, candidate, output, gates } = cellVariant(cell);
  const { zoneoutH, zoneoutC } = noiseRates(spec);
  if (spec.projectionSize !== undefined) return 'a projection';
  if (cell.peepholes) return 'peepholes';
  if (cell.layerNorm) return 'layer normalization';
  if (cell.gateRecurrence) return 'gate recurrence';
  if (cell.clip !== undefined) return 'a clipped cell state';
  if (gates !== 'all') return `the gates '${gates}'`;
  if (zoneoutH > 0 || zoneoutC > 0) return 'zoneout';
  if (spec.initialState === 'learned') return 'a learned initial state';
  if (direction === 'reverse' && returns === 'all') return 'outputs of the reverse direction in the order of time';
  if (activationName(gate) === null) return `the gate activation ${gate.kind} with its numbers`;
  if (activationName(candidate) === null) return `the activation ${candidate.kind} with its numbers`;
  if (activationName(output) !== activationName(candidate))
    return 'two activations, of the candidate and of the output';
  return null;
}

/** A layer of the config, and its weights: for each group of variables, in Keras' order. */
interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly variables: readonly (readonly Weight[])[];
}

interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const serialized = (className: string, config: object) => ({
  module: 'keras.layers',
  class_name: className,
  config,
  registered_name: null,
});

/** A matrix [rows, cols] as Keras has it, [cols, rows]. */
function kernelOf({ shape, data }: Parameter): Weight {
  const [rows, cols] = shape as [number, number];
  return { shape: [cols, rows], data: transposed(Float32Array.from(data), rows, cols) };
}

const vectorOf = (data: FloatArray): Weight => ({ shape: [data.length], data: Float32Array.from(data) });

/** The variables of one direction of an LSTM. */
function cellWeights(parameters: readonly Parameter[], reverse: boolean): Weight[] {
  const find = (part: string): Parameter | undefined =>
    parameters.find(({ name }) => name.endsWith('_reverse') === reverse && name.includes(`.${part}_l`));
  const [first, second] = [find('bias_ih'), find('bias_hh')];
  const bias = first && (second ? summed(first.data, second.data) : first.data);
  return [kernelOf(find('weight_ih')!), kernelOf(find('weight_hh')!), ...(bias ? [vectorOf(bias)] : [])];
}

function lstmLayer(spec: LstmSpec, name: string, parameters: readonly Parameter[]): KerasLayer {
  const { gate, candidate } = cellVariant(spec.cell);
  const direction = spec.direction ?? 'forward';
  const config = {
    name,
    units: spec.hiddenSize,
    activation: activationName(candidate),
    recurrent_activation: activationName(gate),
    use_bias: spec.bias !== false,
    return_sequences: spec.returns !== 'last',
    go_backwards: direction === 'reverse',
    recurrent_dropout: noiseRates(spec).state,
  };
  if (direction !== 'bidirectional') {
    return { className: 'LSTM', name, config, variables: [cellWeights(parameters, direction === 'reverse')] };
  }
  const inner = serialized('LSTM', { ...config, name: `${name}_lstm` });
  return {
    className: 'Bidirectional',
    name,
    config: { name, merge_mode: 'concat', layer: inner },
    variables: [cellWeights(parameters, false), cellWeights(parameters, true)],
  };
}

/** A layer as Keras has it; null for one that acts only in training and that Keras does not have. */
function layerOf(
  { spec, parameters }: ExportedLayer,
  name: string,
  hasSteps: boolean,
  model: ExportedModel,
): KerasLayer | null {
  switch (spec.kind) {
    case 'lstm':
      return lstmLayer(spec, name, parameters);
    case 'embedding': {
      const table = { shape: [spec.size, spec.width], data: Float32Array.from(parameters[0]!.data) };
      const config = { name, input_dim: spec.size, output_dim: spec.width };
      return { className: 'Embedding', name, config, variables: [[table]] };
    }
    case 'linear': {
      const weight = spec.tied === undefined ? parameters[0]! : model.parameter(`${spec.tied}.weight`);
      const hasBias = spec.bias !== false;
      const bias = hasBias ? [vectorOf(parameters.at(-1)!.data)] : [];
      return {
        className: 'Dense',
        name,
        config: { name, units: spec.size, use_bias: hasBias },
        variables: [[kernelOf(weight), ...bias]],
      };
    }
    case 'dropout': {
      const className = spec.shared && hasSteps ? 'SpatialDropout1D' : 'Dropout';
      return { className, name, config: { name, rate: spec.rate }, variables: [] };
    }
    case 'repeat':
      return { className: 'RepeatVector', name, config: { name, n: spec.steps }, variables: [] };
    default: // `activity`; layersFor refuses kinds that no format knows
      return null;
  }
}

/**
 * The names of layers: ours. The levels of an LSTM are numbered as Keras numbers layers, `lstm` and `lstm_1`, and no two layers
 * may have the same name.
 */
class Names {
  private readonly used = new Set<string>();
  private readonly counts = new Map<string, number>();

  of(spec: LayerSpec): string {
    const wanted = (spec.name ?? defaultName(spec.kind)).replaceAll('/', '_'); // a name in Keras has no slash
    const count = this.counts.get(wanted) ?? 0;
    this.counts.set(wanted, count + 1);
    let name = count === 0 ? wanted : spec.kind === 'lstm' ? `${wanted}_${count}` : `${wanted}${count + 1}`;
    while (this.used.has(name)) name += '_';
    this.used.add(name);
    return name;
  }
}

/** The layers of the model, from the input on. */
function layersOf(model: ExportedModel): KerasLayer[] {
  const names = new Names();
  let hasSteps = true;
  return model.layers.flatMap((layer, i) => {
    if (layer.spec.kind === 'repeat' && hasSteps) {
      const help = "Export it with --to module, or put it after an LSTM with returns: 'last'.";
      throw invalidSetting(`layers[${i}]`, 'repeats the step of a sequence, which Keras cannot express.', help);
    }
    const made = layerOf(layer, names.of(layer.spec), hasSteps, model);
    if (layer.spec.kind === 'repeat') hasSteps = true;
    if (layer.spec.kind === 'lstm' && layer.spec.returns === 'last') hasSteps = false;
    return made ? [made] : [];
  });
}

/** The datasets of the weights, under the groups that Keras looks for. */
function datasetsOf(layers: readonly KerasLayer[]): DatasetData[] {
  const groups = groupNames(layers);
  return layers.flatMap(({ className, name, variables }) => {
    const paths = VARIABLES[className] ?? ['vars'];
    return variables.flatMap((weights, i) =>
      weights.map((weight, k) => ({ path: `layers/${groups.get(name)!}/${paths[i]}/${k}`, ...weight })),
    );
  });
}

/**
 * Returns a model as the bytes of a `.keras` file, which `keras.models.load_model` of Keras 3 reads. The two biases of a gate become
 * their sum, a tied weight is written twice, float64 becomes float32, and what acts only in training and has no counterpart is
 * left out. Throws `INVALID_SETTING` for what Keras cannot express: a variant of the cell except activations, a projection, zoneout, a
 * learned initial state, outputs of a single reverse direction.
 *
 * @example
 * await writeFile('model.keras', toKeras(parseModel(bytes)));
 */
export function toKeras(model: ExportableModel): Uint8Array {
  const exported = layersFor(model, 'Keras', problemOf);
  const { inputSize } = model.spec;
  const layers = layersOf(exported);
  const shape = inputSize === undefined ? [null, null] : [null, null, inputSize];
  const input = { batch_shape: shape, dtype: inputSize === undefined ? 'int32' : 'float32', name: 'input_layer' };
  const config = {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name: 'sequential',
      layers: [serialized('InputLayer', input), ...layers.map((layer) => serialized(layer.className, layer.config))],
    },
    registered_name: null,
    build_config: { input_shape: shape },
  };
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  return writeZip([
    { name: 'metadata.json', content: json({ keras_version: '3.0.0' }) },
    { name: 'config.json', content: json(config) },
    { name: 'model.weights.h5', content: writeHdf5(datasetsOf(layers)) },
  ]);
}
