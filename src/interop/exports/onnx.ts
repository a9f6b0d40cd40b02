/**
 * A model as an ONNX file. Inputs: `input`, tokens [T, N] (int64) or values [T, N, inputSize], and the state of each LSTM layer,
 * `state_0_h` [directions, N, H], `state_0_c`, ... Outputs: `output` [T, N, outputSize], and `next_0_h`, `next_0_c`, ... T and N
 * are free. The states are inputs because a fixed initial state would fix the number of sequences.
 */
import type { Activation } from '../../contract/kernels.js';
import { cellVariant, noiseRates } from '../../core/lstm/variant.js';
import type { LayerSpec, LstmSpec } from '../../core/spec.js';
import { ONNX_ACTIVATIONS } from '../onnx/activations.js';
import { type Attribute, GraphBuilder } from '../onnx/write.js';
import { concatenated, reorderGates, transposed } from '../weights.js';
import { type ExportableModel, layersFor, type Parameter } from './content.js';

/** What an ONNX LSTM cannot express. */
function problemOf(spec: LstmSpec): string | null {
  const { cell = {}, projectionSize } = spec;
  const rates = noiseRates(spec);
  if (projectionSize !== undefined) return 'a projection';
  if (cell.layerNorm) return 'layer normalization';
  if (cell.gateRecurrence) return 'gate recurrence';
  if (cell.clip !== undefined) return 'a clipped cell state: clip cuts what the activations read';
  if (cell.gates !== undefined && cell.gates !== 'all' && cell.gates !== 'coupled') return `the gates '${cell.gates}'`;
  if (rates.zoneoutH > 0 || rates.zoneoutC > 0) return 'zoneout';
  return null;
}

/** The parameters of one direction of an LSTM layer, by their parts: `weight_ih`, ... */
function partsOf(parameters: readonly Parameter[], reverse: boolean): Map<string, Parameter> {
  const own = parameters.filter(({ name }) => name.endsWith('_reverse') === reverse);
  return new Map(own.map((parameter) => [/\.(\w+)_l\d+(_reverse)?$/.exec(parameter.name)![1]!, parameter]));
}

/** The attributes of the LSTM operator. */
function attributesOf(spec: LstmSpec, directions: number): Record<string, Attribute> {
  const { gate, candidate, output, gates } = cellVariant(spec.cell);
  const all = Array.from({ length: directions }, () => [gate, candidate, output]).flat();
  // Affine computes the identity with 1 and 0. Each list has the numbers of the activations that take one, in order.
  const numbers = all.map((one) => (one.kind === 'identity' ? { ...one, alpha: 1, beta: 0 } : one));
  const taking = (count: number): Activation[] => numbers.filter(({ kind }) => ONNX_ACTIVATIONS[kind][1] >= count);
  const [alphas, betas] = [taking(1).map(({ alpha }) => alpha), taking(2).map(({ beta }) => beta)];
  return {
    hidden_size: { integer: spec.hiddenSize },
    direction: spec.direction ?? 'forward',
    activations: all.map(({ kind }) => ONNX_ACTIVATIONS[kind][0]),
    ...(alphas.length > 0 && { activation_alpha: alphas }),
    ...(betas.length > 0 && { activation_beta: betas }),
    ...(gates === 'coupled' && { input_forget: { integer: 1 } }),
  };
}

/** What the export knows while it goes through the layers. */
interface Progress {
  readonly graph: GraphBuilder;
  /** The output of the layers so far, [T, N, width]. */
  at: string;
  /** LSTM layers so far. */
  lstms: number;
  /** Rows of h and c before the first step, for each LSTM layer and direction: what to pass for new sequences. */
  readonly initial: { h: number[]; c: number[] }[][];
}

function addLstm(progress: Progress, spec: LstmSpec, parameters: readonly Parameter[]): void {
  const { graph } = progress;
  const { hiddenSize: H, direction = 'forward', returns = 'all' } = spec;
  const directions = direction === 'bidirectional' ? [false, true] : [direction === 'reverse'];
  const parts = directions.map((reverse) => partsOf(parameters, reverse));
  const count = directions.length;
  const number = progress.lstms++;
  const width = parts[0]!.get('weight_ih')!.shape[1]!;
  const zeros = new Float32Array(4 * H);
  const stacked = (make: (own: Map<string, Parameter>) => Float32Array[]): Float32Array =>
    concatenated(parts.flatMap(make));
  const gatesOf = (own: Map<string, Parameter>, part: string) =>
    reorderGates(Float32Array.from(own.get(part)?.data ?? zeros), 'ifgo', 'iofg');
  const W = graph.floats(
    `lstm_${number}_W`,
    [count, 4 * H, width],
    stacked((own) => [gatesOf(own, 'weight_ih')]),
  );
  const R = graph.floats(
    `lstm_${number}_R`,
    [count, 4 * H, H],
    stacked((own) => [gatesOf(own, 'weight_hh')]),
  );
  const biases = stacked((own) => [gatesOf(own, 'bias_ih'), gatesOf(own, 'bias_hh')]);
  const B = graph.floats(`lstm_${number}_B`, [count, 8 * H], biases);
  const peepholes = (own: Map<string, Parameter>) =>
    ['i', 'o', 'f'].map((gate) => Float32Array.from(own.get(`peephole_${gate}`)!.data));
  const P = spec.cell?.peepholes ? [graph.floats(`lstm_${number}_P`, [count, 3 * H], stacked(peepholes))] : [];
  const state = (['h', 'c'] as const).map((part) => graph.input(`state_${number}_${part}`, [count, 'N', H], 'float'));
  const next = (['h', 'c'] as const).map((part) => graph.output(`next_${number}_${part}`, [count, 'N', H], 'float'));
  const inputs = [progress.at, W, R, B, '', ...state, ...P]; // '' is an absent input, here the lengths
  const Y = graph.node('LSTM', inputs, attributesOf(spec, count), [`lstm_${number}_Y`, ...next])[0]!;
  const rowOf = (part: 'h0' | 'c0') => parts.map((own) => Array.from(own.get(part)?.data ?? new Float32Array(H)));
  const [h, c] = [rowOf('h0'), rowOf('c0')];
  progress.initial.push(h.map((row, i) => ({ h: row, c: c[i]! })));
  // [T, directions, N, H] or, of the last step, [directions, N, H]: to [T, N, directions H].
  const all = returns === 'last' ? graph.add('Unsqueeze', [next[0]!, graph.integers([0])]) : Y;
  const rows = graph.add('Transpose', [all], { perm: { integers: [0, 2, 1, 3] } });
  progress.at = graph.add('Reshape', [rows, graph.integers([0, 0, count * H])]);
}

function addLayer(
  progress: Progress,
  spec: LayerSpec,
  parameters: readonly Parameter[],
  table: (name: string) => Parameter,
) {
  const { graph } = progress;
  if (spec.kind === 'lstm') return addLstm(progress, spec, parameters);
  if (spec.kind === 'embedding') {
    const { name, shape, data } = parameters[0]!;
    progress.at = graph.add('Gather', [graph.floats(name, shape, Float32Array.from(data)), progress.at]);
  } else if (spec.kind === 'linear') {
    const weight = spec.tied === undefined ? parameters[0]! : table(`${spec.tied}.weight`);
    const [rows, cols] = weight.shape as [number, number];
    const columns = transposed(Float32Array.from(weight.data), rows, cols);
    const name = `linear_${graph.nodes.length}`;
    progress.at = graph.add('MatMul', [progress.at, graph.floats(`${name}_weight`, [cols, rows], columns)]);
    const bias = parameters.find((parameter) => parameter.name.endsWith('.bias'));
    if (bias)
      progress.at = graph.add('Add', [progress.at, graph.floats(`${name}_bias`, [rows], Float32Array.from(bias.data))]);
  } else if (spec.kind === 'repeat') {
    progress.at = graph.add('Expand', [progress.at, graph.integers([spec.steps, 1, 1])]);
  }
  // Dropout and activity regularization act in training only.
}

/**
 * Returns a model as an ONNX file (opset 17), float32. Throws `INVALID_SETTING` for what ONNX's LSTM operator cannot express: a
 * projection, layer normalization, gate recurrence, a clipped cell state, missing gates, zoneout. The metadata of the file have, as
 * JSON, the `spec`, the rows of the initial states in `initial_state`, and the `vocabulary`; `fromOnnx` reads them.
 */
export function toOnnx(model: ExportableModel): Uint8Array {
  const { layers, parameter } = layersFor(model, 'an ONNX LSTM', problemOf);
  const { spec, vocabulary } = model;
  const graph = new GraphBuilder();
  const isTokens = spec.layers[0]!.kind === 'embedding';
  const at = isTokens
    ? graph.input('input', ['T', 'N'], 'int64')
    : graph.input('input', ['T', 'N', spec.inputSize!], 'float');
  const progress: Progress = { graph, at, lstms: 0, initial: [] };
  for (const { spec: layer, parameters } of layers) addLayer(progress, layer, parameters, parameter);
  graph.node('Identity', [progress.at], {}, ['output']);
  graph.output('output', ['output_T', 'N', layers.at(-1)!.outputSize], 'float', true);
  return graph.file({
    spec: JSON.stringify(spec),
    initial_state: JSON.stringify(progress.initial),
    ...(vocabulary && { vocabulary: JSON.stringify(vocabulary.characters) }),
  });
}
