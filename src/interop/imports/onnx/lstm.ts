/** ONNX's LSTM operator (https://onnx.ai/onnx/operators/onnx__LSTM.html) as a layer. */
import type { Activation, ActivationKind, FloatArray } from '../../../contract/kernels.js';
import type { ActivationSpec, CellSpec, LstmSpec } from '../../../core/lstm/spec.js';
import { ACTIVATION_NUMBERS } from '../../../core/lstm/variant.js';
import { ONNX_ACTIVATIONS } from '../../onnx/activations.js';
import { reorderGates } from '../../weights.js';
import type { Node } from './file.js';
import { integerOf, numbersOf } from './operands.js';
import type { Tensor } from './tensor.js';
import type { LayerContent, Value } from './value.js';

/** An operator's inputs by their names in the standard; null for one that is absent. */
export type LstmInputs = Readonly<
  Record<'X' | 'W' | 'R' | 'B' | 'sequence_lens' | 'initial_h' | 'initial_c' | 'P', Value | null>
>;

/** Throws a reason why the operator is not imported, for `problemOf`. */
class Refusal extends Error {}

const refuse = (problem: string): never => {
  throw new Refusal(problem);
};

/** What `read` returns, or the reason why it cannot. */
export function contentOrProblem<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

/** The activation with a name of ONNX, whose names ignore case. */
function kindOf(name: string): ActivationKind {
  const kinds = Object.keys(ONNX_ACTIVATIONS) as ActivationKind[];
  const found = kinds.find(
    (kind) => kind !== 'identity' && ONNX_ACTIVATIONS[kind][0].toLowerCase() === name.toLowerCase(),
  );
  return found ?? refuse(`it has the activation ${JSON.stringify(name.slice(0, 40))}, which is unknown.`);
}

/** The shortest spec of an activation. */
function activationSpec({ kind, alpha, beta }: Activation): ActivationSpec {
  const numbers = ACTIVATION_NUMBERS[kind];
  if (kind === 'affine' && alpha === 1 && beta === 0) return 'identity';
  if (numbers === undefined || (numbers.alpha === alpha && (numbers.beta ?? 0) === beta)) return kind;
  return { kind, alpha, ...(numbers.beta !== undefined && { beta }) };
}

/** The settings of a cell that differ from their defaults. */
export function cellOf(
  [gate, candidate, output]: readonly [Activation, Activation, Activation],
  others: Pick<CellSpec, 'gates' | 'peepholes'>,
): Pick<LstmSpec, 'cell'> {
  const specs = { gate: activationSpec(gate), candidate: activationSpec(candidate), output: activationSpec(output) };
  const defaults = { gate: 'sigmoid', candidate: 'tanh', output: 'tanh' };
  const changed = Object.entries(specs).filter(([role, spec]) => spec !== defaults[role as keyof typeof defaults]);
  const cell = { ...others, ...(changed.length > 0 && { activations: Object.fromEntries(changed) }) };
  return Object.keys(cell).length > 0 ? { cell: cell as CellSpec } : {};
}

/** The activations of gate, candidate and output, equal for all directions. */
function activationsOf(node: Node, directions: number): [Activation, Activation, Activation] {
  const given = node.attributes.get('activations');
  const names = Array.isArray(given) && given.length > 0 ? (given as string[]) : [];
  if (names.length > 0 && names.length !== 3 * directions) {
    refuse(`it has ${names.length} activations instead of ${3 * directions}.`);
  }
  const [alphas, betas] = ['activation_alpha', 'activation_beta'].map((name) => [...(numbersOf(node, name) ?? [])]);
  // Each list has the numbers of the activations that take one, in order. Those that are missing are the defaults.
  const all = Array.from({ length: 3 * directions }, (_, i): Activation => {
    const kind = kindOf(names[i] ?? (i % 3 === 0 ? 'Sigmoid' : 'Tanh'));
    const [, takes] = ONNX_ACTIVATIONS[kind];
    const { alpha = 0, beta = 0 } = ACTIVATION_NUMBERS[kind] ?? {};
    return {
      kind,
      alpha: takes > 0 ? (alphas!.shift() ?? alpha) : 0,
      beta: takes > 1 ? (betas!.shift() ?? beta) : 0,
    };
  });
  const [first, second] = [all.slice(0, 3), all.slice(3)].map((one) => JSON.stringify(one));
  if (directions === 2 && first !== second) refuse('its directions have different activations.');
  return all.slice(0, 3) as [Activation, Activation, Activation];
}

function weights(value: Value | null, name: string, shape: readonly number[]): Tensor {
  if (value?.kind === 'fill')
    return { type: 'float32', shape, values: new Float32Array(shape.reduce((a, b) => a * b)).fill(value.value) };
  if (value?.kind !== 'constant')
    return refuse(`its weights ${name} are ${value ? 'computed' : 'missing'}, not constant.`);
  const { tensor } = value;
  if (tensor.shape.join() !== shape.join() || tensor.type === 'integer') {
    return refuse(`its weights ${name} have shape [${tensor.shape.join(', ')}] instead of [${shape.join(', ')}].`);
  }
  return tensor;
}

/** The rows of an initial state [directions, N, H], one for each direction: null for zeros, a text for one that is computed. */
function initialRows(
  value: Value | null,
  layout: number,
  directions: number,
  H: number,
): FloatArray[] | null | 'given' {
  if (!value || (value.kind === 'fill' && value.value === 0)) return null;
  if (value.kind !== 'constant') return 'given';
  const { shape, values } = value.tensor;
  if (shape.length !== 3 || shape[layout === 1 ? 1 : 0] !== directions || shape[2] !== H) {
    return refuse(`its initial state has shape [${shape.join(', ')}].`);
  }
  if (values.every((one) => one === 0)) return null;
  const N = shape[layout === 1 ? 0 : 1]!;
  const row = (direction: number, n: number): FloatArray => {
    const at = (layout === 1 ? n * directions + direction : direction * N + n) * H;
    return values.slice(at, at + H);
  };
  const rows = Array.from({ length: directions }, (_, direction) => row(direction, 0));
  for (let n = 1; n < N; n++) {
    const isEqual = rows.every((first, direction) => row(direction, n).every((one, k) => one === first[k]));
    if (!isEqual) refuse('its constant initial states differ between the sequences of a batch.');
  }
  return N === 0 ? null : rows;
}

/** The operator's weights, checked. */
interface Weights {
  readonly direction: 'forward' | 'reverse' | 'bidirectional';
  readonly directions: number;
  readonly width: number;
  readonly hiddenSize: number;
  readonly W: Tensor;
  readonly R: Tensor;
  readonly B: Tensor | null;
  readonly P: Tensor | null;
}

function weightsOf(node: Node, inputs: LstmInputs): Weights {
  const direction = node.attributes.get('direction') ?? 'forward';
  if (direction !== 'forward' && direction !== 'reverse' && direction !== 'bidirectional') {
    return refuse(`its direction is ${JSON.stringify(direction)}.`);
  }
  const directions = direction === 'bidirectional' ? 2 : 1;
  const { W, R, B, P } = inputs;
  const shape = W?.kind === 'constant' ? W.tensor.shape : [];
  const H = integerOf(node, 'hidden_size', (shape[1] ?? 0) / 4);
  const width = shape[2] ?? 1;
  if (!(Number.isInteger(H) && H > 0 && H < 2 ** 24)) return refuse(`its hidden_size is ${H}.`);
  return {
    direction,
    directions,
    width,
    hiddenSize: H,
    W: weights(W, 'W', [directions, 4 * H, width]),
    R: weights(R, 'R', [directions, 4 * H, H]),
    B: B && weights(B, 'B', [directions, 8 * H]),
    P: P && weights(P, 'P', [directions, 3 * H]),
  };
}

/** Block k of `count` equal blocks. */
function block({ values }: Tensor, k: number, count: number): FloatArray {
  const size = values.length / count;
  return values.slice(k * size, (k + 1) * size);
}

/** The parameters of all directions. The second bias is left out if it is 0. */
function parametersOf(found: Weights, initial: Readonly<Record<'h0' | 'c0', FloatArray[]>> | null) {
  const { direction, directions, W, R, B, P } = found;
  const parameters = new Map<string, FloatArray>();
  const all = Array.from({ length: directions }, (_, d) => d);
  const own = (values: FloatArray): FloatArray => reorderGates(values, 'iofg', 'ifgo');
  const hasSecond = B !== null && all.some((d) => block(B, 2 * d + 1, 2 * directions).some((value) => value !== 0));
  for (const d of all) {
    const suffix = direction === 'reverse' || d === 1 ? '_reverse' : '';
    const set = (part: string, values: FloatArray): unknown => parameters.set(`${part}${suffix}`, values);
    set('weight_ih', own(block(W, d, directions)));
    set('weight_hh', own(block(R, d, directions)));
    if (B) set('bias_ih', own(block(B, 2 * d, 2 * directions)));
    if (hasSecond) set('bias_hh', own(block(B, 2 * d + 1, 2 * directions)));
    if (P)
      for (const [k, gate] of ['i', 'o', 'f'].entries()) set(`peephole_${gate}`, block(P, 3 * d + k, 3 * directions));
    if (initial) for (const part of ['h0', 'c0'] as const) set(part, initial[part][d]!);
  }
  const bias = hasSecond ? {} : { bias: B ? ('single' as const) : false };
  return { parameters, bias };
}

/** Reads the operator. Throws a `Refusal`: call it within `contentOrProblem`. */
export function readLstm(node: Node, inputs: LstmInputs): LayerContent {
  if (integerOf(node, 'clip', 0) !== 0) {
    refuse('it clips what the activations read (clip). The clip of a cell in Unspool limits the state.');
  }
  const found = weightsOf(node, inputs);
  const { direction, directions, hiddenSize, width, P } = found;
  const layout = integerOf(node, 'layout', 0);
  const rows = (value: Value | null) => initialRows(value, layout, directions, hiddenSize);
  const [h, c] = [rows(inputs.initial_h), rows(inputs.initial_c)];
  const isGiven = h === 'given' || c === 'given';
  if (isGiven && (Array.isArray(h) || Array.isArray(c))) refuse('one half of its initial state is constant.');
  const zeros = (): FloatArray[] => Array.from({ length: directions }, () => new Float32Array(hiddenSize));
  const initial =
    !isGiven && (h || c) ? { h0: (h as FloatArray[]) ?? zeros(), c0: (c as FloatArray[]) ?? zeros() } : null;
  if (inputs.sequence_lens?.kind === 'constant') refuse('its sequence lengths are constant.');
  const { parameters, bias } = parametersOf(found, initial);
  const spec: LstmSpec = {
    kind: 'lstm',
    hiddenSize,
    ...bias,
    ...(direction !== 'forward' && { direction }),
    ...(initial && { initialState: 'learned' as const }),
    ...cellOf(activationsOf(node, directions), {
      ...(integerOf(node, 'input_forget', 0) !== 0 && { gates: 'coupled' as const }),
      ...(P && { peepholes: true }),
    }),
  };
  const notes: string[] = [];
  if (isGiven) notes.push(`${node.name}: the file takes the initial state as an input; the model starts from zeros.`);
  if (inputs.sequence_lens) notes.push(`${node.name}: the file takes sequence lengths; pass \`lengths\` with a batch.`);
  return { spec, width, parameters, notes };
}
