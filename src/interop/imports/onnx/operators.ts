/** What the operators make of computed values. Null for what no layer expresses. */
import type { FloatArray } from '../../../contract/kernels.js';
import { addAffine, columns, gemm, matMul, type Tools } from './affine.js';
import { contentOrProblem, type LstmInputs, readLstm } from './lstm.js';
import { axisOf, integerOf, type Operands, slices, splitSizes } from './operands.js';
import { activated } from './problems.js';
import { integers } from './tensor.js';
import {
  type Affine,
  type Axis,
  constant,
  type Flow,
  type Joined,
  type Layer,
  type Product,
  type Source,
  type Value,
} from './value.js';
import { bothDirections, isView, viewed } from './views.js';

/** What operators need of the interpreter. */
export interface Context extends Tools {
  /** Adds a layer to those that were found, and returns it. */
  readonly add: (layer: Layer) => Layer;
}

type Inputs = readonly (Value | null)[];
type Operator = (operands: Operands, inputs: Inputs, context: Context) => readonly (Value | null)[] | null;

const one = (value: Value | null): readonly (Value | null)[] | null => value && [value];

const layerFlow = (layer: Layer, part: 'all' | 'last' | 'state', axes: readonly Axis[] | null): Flow => ({
  kind: 'flow',
  source: { kind: 'layer', layer, part, direction: null },
  axes,
});

const INPUTS = ['X', 'W', 'R', 'B', 'sequence_lens', 'initial_h', 'initial_c', 'P'] as const;

/** Why an LSTM does not read what it is given: steps, sequences and features; null if it does. */
function inputProblem(x: Flow, isBatchFirst: boolean, { labels }: Context): string | null {
  if (!x.axes) return x.source.kind === 'layer' ? 'the order of the dimensions that it reads is not known.' : null;
  if (x.axes.length !== 3) return `its input has ${x.axes.length} dimensions instead of 3.`;
  const expected = isBatchFirst ? ['N', 'T', 'F'] : ['T', 'N', 'F'];
  const wrong = x.axes.findIndex((axis, k) => !labels.bind(axis, expected[k]!));
  return wrong < 0 ? null : `dimension ${wrong} of its input is not what an LSTM reads there (${expected.join(', ')}).`;
}

const lstm: Operator = ({ node }, inputs, context) => {
  const x = inputs[0] ? context.flowOf(inputs[0]) : null;
  if (!x) return null;
  const isBatchFirst = integerOf(node, 'layout', 0) === 1;
  const named = Object.fromEntries(INPUTS.map((name, i) => [name, inputs[i] ?? null])) as LstmInputs;
  const read = contentOrProblem(() => readLstm(node, named));
  const problem = typeof read === 'string' ? null : inputProblem(x, isBatchFirst, context);
  const content = problem ?? read;
  const spec = typeof read !== 'string' && read.spec.kind === 'lstm' ? read.spec : null;
  const direction = spec?.direction ?? 'forward';
  const size = spec ? `${(read as { width: number }).width} -> ${spec.hiddenSize}` : '';
  const kindOf = direction === 'forward' ? size : `${size}, ${direction}`;
  const layer = context.add({ name: node.name, kind: 'LSTM', size: kindOf, input: x, content });
  const H = spec?.hiddenSize ?? null;
  const isTwo = direction === 'bidirectional';
  const D: Axis = isTwo ? { label: 'D', size: 2 } : { label: '1', size: 1 };
  const units: Axis = { label: isTwo ? 'H' : 'F', size: H };
  const [first, second] = x.axes ?? [];
  const [T, N] = [isBatchFirst ? second : first, isBatchFirst ? first : second];
  const steps: Axis = { label: 'T', size: T?.size ?? null };
  const sequences: Axis = { label: 'N', size: N?.size ?? null };
  const ends = isBatchFirst ? [sequences, D, units] : [D, sequences, units];
  return [
    layerFlow(layer, 'all', isBatchFirst ? [sequences, steps, D, units] : [steps, D, sequences, units]),
    layerFlow(layer, 'last', ends),
    layerFlow(layer, 'state', ends),
  ];
};

/** An embedding: rows of a constant table, by the tokens of a computed value. */
function embedding({ node }: Operands, [table, ids]: Inputs, { add, flowOf }: Context): Value | null {
  const isTable = table?.kind === 'constant' && table.tensor.type !== 'integer' && table.tensor.shape.length === 2;
  if (!isTable || !ids || axisOf(integerOf(node, 'axis', 0), 2) !== 0) return null;
  const [size, width] = table.tensor.shape as [number, number];
  const input = flowOf(ids);
  const parameters = new Map<string, FloatArray>([['weight', table.tensor.values]]);
  const layer = add({
    name: node.name,
    kind: 'Gather',
    size: `${size} x ${width}`,
    input,
    content: { width: 0, spec: { kind: 'embedding', size, width }, parameters, notes: [] },
  });
  return layerFlow(layer, 'all', input.axes && [...input.axes, { label: 'F', size: width }]);
}

/** Repeat: one step, expanded to several. */
function repeat({ node, constants }: Operands, [x]: Inputs, { add, labels }: Context): Value | null {
  const [steps, ...others] = Array.from(constants[1]?.values ?? []);
  const axes = x?.kind === 'flow' ? x.axes : null;
  if (axes?.length !== 3 || others.join() !== '1,1' || !Number.isInteger(steps) || steps! < 1) return null;
  const isStep = axes[0]!.label === '1' || labels.of(axes[0]!) === 'T' || labels.of(axes[0]!).startsWith('input');
  if (!isStep || !labels.bind(axes[0]!, 'T')) return null;
  const spec = { kind: 'repeat' as const, steps: steps! };
  const content = { width: axes[2]!.size ?? 0, spec, parameters: new Map(), notes: [] };
  const layer = add({ name: node.name, kind: 'Expand', size: `${steps} steps`, input: x as Flow, content });
  return layerFlow(layer, 'all', [{ label: 'T', size: steps! }, ...axes.slice(1)]);
}

/** Squeeze, Transpose, ... of an affine value whose last dimension stays the last. */
function viewedAffine(value: Affine, operands: Operands, { labels }: Context): Affine | null {
  const source: Source = { kind: 'constant' };
  const found = viewed({ kind: 'flow', source, axes: value.axes }, operands, labels);
  if (!found || (value.axes && found.axes?.at(-1) !== value.axes.at(-1))) return null;
  return { ...value, axes: found.axes };
}

/** The parts of an affine value that a Split or a Slice of its last dimension takes. */
function affineParts(value: Affine, operands: Operands, { spend }: Context): readonly Value[] | null {
  const { node } = operands;
  const rank = value.axes?.length ?? 2;
  const isLast = (axis: number): boolean => axis === -1 || axis === rank - 1;
  if (node.op === 'Split') {
    const sizes = isLast(integerOf(node, 'axis', 0)) ? splitSizes(operands, value.size) : null;
    let start = 0;
    return (
      sizes?.map((count) => {
        start += count;
        return columns(value, start - count, count, spend);
      }) ?? null
    );
  }
  const ranges = slices(operands, [...Array.from({ length: rank - 1 }, () => null), value.size]);
  const range = ranges?.size === 1 ? ranges.get(rank - 1) : undefined;
  return range?.step === 1 ? [columns(value, range.start, range.count, spend)] : null;
}

/** Values that are followed through a Concat. Real files have one for each layer and direction. */
const MAX_JOINED = 64;

/** Values along a dimension: both directions of a layer, the inputs of one product, or states above each other. */
function concat({ node }: Operands, inputs: Inputs, { flowOf }: Context): Value | null {
  const axis = integerOf(node, 'axis', 0);
  const parts = inputs.map((input) =>
    input && input.kind !== 'constant' && input.kind !== 'fill' ? flowOf(input) : null,
  );
  if (parts.length === 0 || parts.length > MAX_JOINED || !parts.every((part) => part !== null)) return null;
  const rank = parts[0]!.axes?.length ?? null;
  const isLast = axis === -1 || (rank !== null && axis === rank - 1);
  const pair = isLast ? bothDirections(parts) : null;
  if (pair || isLast) return pair ?? { kind: 'joined', node, parts, axis: -1 };
  return axis === 0 ? { kind: 'joined', node, parts, axis: 0 } : null;
}

/** One of several values above each other, each with a first dimension of 1 or 2 elements. */
function fromJoined({ parts }: Joined, operands: Operands, { labels }: Context): Value | null {
  const sizes = parts.map(({ axes }) => axes?.[0]?.size ?? 0);
  if (!sizes.every((size) => size === 1 || size === 2)) return null;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const { node, constants } = operands;
  const isGather = node.op === 'Gather' && integerOf(node, 'axis', 0) === 0 && constants[1]?.values.length === 1;
  const range = isGather ? null : slices(operands, [total])?.get(0);
  const index = isGather ? constants[1]!.values[0]! : range?.count === 1 ? range.start : null;
  if (index === null) return null;
  let at = index < 0 ? index + total : index;
  for (const [i, part] of parts.entries()) {
    if (at < sizes[i]!) {
      const inside = integers([at], isGather ? constants[1]!.shape : [1]);
      const picked = { node: { ...node, op: 'Gather' }, constants: [null, inside] };
      return viewed(part, { ...picked, node: { ...picked.node, attributes: new Map() } }, labels);
    }
    at -= sizes[i]!;
  }
  return null;
}

const rearranged: Operator = (operands, inputs, context) => {
  const [value] = inputs;
  const { op } = operands.node;
  if (value?.kind === 'joined' && value.axis === 0 && (op === 'Gather' || op === 'Slice')) {
    const found = fromJoined(value, operands, context);
    if (found) return [found];
  }
  if (op === 'Gather' && value?.kind === 'constant') return one(embedding(operands, inputs, context));
  if (value?.kind === 'affine') {
    const parts = op === 'Slice' ? affineParts(value, operands, context) : one(viewedAffine(value, operands, context));
    if (parts) return parts;
  }
  return value ? one(viewed(context.flowOf(value), operands, context.labels)) : null;
};

/** A product that may be a part of c. Those of activations of a sum are not, so that values are never nested deeply. */
const isWrite = (value: Value): value is Product =>
  value.kind === 'product' && value.factors.every((factor) => factor.kind !== 'activated' || factor.of.kind !== 'sum');

const OPERATORS: Readonly<Record<string, Operator>> = {
  LSTM: lstm,
  MatMul: ({ node }, inputs, context) => one(matMul(node, inputs, context)),
  Gemm: ({ node }, inputs, context) => one(gemm(node, inputs, context)),
  Add: ({ node }, inputs, context) => {
    const [a, b] = inputs;
    if (a && b && isWrite(a) && isWrite(b)) return [{ kind: 'sum', node, parts: [a, b] }];
    return one(addAffine(node, inputs, context));
  },
  Mul: ({ node }, [a, b], { flowOf }) => {
    const factor = (value: Value): Value => (value.kind === 'activated' ? value : flowOf(value));
    const isGated = a && b && (a.kind === 'activated' || b.kind === 'activated');
    return isGated ? [{ kind: 'product', node, factors: [factor(a), factor(b)] }] : null;
  },
  Concat: (operands, inputs, context) => one(concat(operands, inputs, context)),
  Split: (operands, [value], context) => (value?.kind === 'affine' ? affineParts(value, operands, context) : null),
  Expand: (operands, inputs, context) => one(repeat(operands, inputs, context)),
  Shape: (_, [value]) => {
    const axes = value?.kind === 'flow' || value?.kind === 'affine' ? value.axes : null;
    return axes && [constant(integers(axes.map(({ size }) => size ?? Number.NaN)))];
  },
};

/** The outputs of an operator of ONNX; null if no layer expresses it. */
export function operate(operands: Operands, inputs: Inputs, context: Context): readonly (Value | null)[] | null {
  const { op } = operands.node;
  if (Object.hasOwn(OPERATORS, op)) return OPERATORS[op]!(operands, inputs, context);
  if (isView(op)) return rearranged(operands, inputs, context);
  const [value] = inputs;
  return value?.kind === 'affine' || value?.kind === 'sum' ? one(activated(operands.node, value)) : null;
}
