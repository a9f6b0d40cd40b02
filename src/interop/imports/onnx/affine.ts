/** Products with constant matrices: linear layers, and the gates of cells that are exported as single operators. */
import type { LinearSpec } from '../../../core/spec.js';
import { transposed } from '../../weights.js';
import { type Spend, slice } from './arrays.js';
import type { Node } from './file.js';
import { integerOf } from './operands.js';
import type { Tensor } from './tensor.js';
import type { Affine, Axis, Flow, Layer, Term, Value } from './value.js';
import type { Labels } from './views.js';

/** The dimensions of a product: those of x with `size` outputs last. Null: x does not have features last. Undefined: unknown. */
function outputAxes(x: Flow, inputs: number, size: number, labels: Labels): readonly Axis[] | null | undefined {
  if (!x.axes) return undefined;
  const last = x.axes.at(-1);
  if (!last || (last.size !== null && last.size !== inputs) || !labels.bind(last, 'F')) return null;
  return [...x.axes.slice(0, -1), { label: 'F', size }];
}

function affine(node: Node, parts: readonly Flow[], weight: Tensor, bias: Tensor | null, tools: Tools): Affine | null {
  const [inputs, size] = weight.shape as [number, number];
  const widths = parts.map(({ axes }) => axes?.at(-1)?.size ?? null);
  const unknown = widths.filter((width) => width === null).length;
  const rest = inputs - widths.reduce((sum: number, width) => sum + (width ?? 0), 0);
  if (unknown > 1 || (unknown === 0 && rest !== 0) || rest < 0 || inputs === 0 || size === 0) return null;
  let start = 0;
  let axes: readonly Axis[] | null | undefined;
  const terms: Term[] = [];
  for (const [i, x] of parts.entries()) {
    const count = widths[i] ?? rest;
    axes = outputAxes(x, count, size, tools.labels);
    if (axes === null) return null;
    const own = parts.length === 1 ? weight : slice(weight, new Map([[0, { start, count, step: 1 }]]), tools.spend);
    terms.push({ x, weight: own, bias: i === 0 ? bias : null });
    start += count;
  }
  return { kind: 'affine', nodes: [node], terms, axes: axes ?? null, size };
}

/** What building affine values needs. */
export interface Tools {
  readonly labels: Labels;
  readonly spend: Spend;
  /** The value as numbers from one source. */
  readonly flowOf: (value: Value) => Flow;
}

const partsOf = (value: Value, { flowOf }: Tools): readonly Flow[] =>
  value.kind === 'joined' && value.axis === -1 ? value.parts : [flowOf(value)];

const isMatrix = (value: Value | null | undefined): value is { kind: 'constant'; tensor: Tensor } =>
  value?.kind === 'constant' && value.tensor.shape.length === 2 && value.tensor.type !== 'integer';

/** MatMul of a value with a constant matrix. */
export function matMul(node: Node, [x, weight]: readonly (Value | null)[], tools: Tools): Affine | null {
  if (!x || x.kind === 'constant' || !isMatrix(weight)) return null;
  return affine(node, partsOf(x, tools), weight.tensor, null, tools);
}

const scaled = (t: Tensor, factor: number): Tensor =>
  factor === 1 ? t : { ...t, values: t.values.map((value) => value * factor) };

/** Gemm of a value with a constant matrix: alpha x W + beta b. */
export function gemm(node: Node, [x, weight, bias]: readonly (Value | null)[], tools: Tools): Affine | null {
  const factor = (name: string): number => integerOf(node, name, 1);
  if (!x || x.kind === 'constant' || !isMatrix(weight) || integerOf(node, 'transA', 0) !== 0) return null;
  const { tensor } = weight;
  tools.spend(tensor.values.length);
  const [rows, cols] = tensor.shape as [number, number];
  const turned = integerOf(node, 'transB', 0) !== 0;
  const matrix = turned ? { ...tensor, shape: [cols, rows], values: transposed(tensor.values, rows, cols) } : tensor;
  const size = turned ? rows : cols;
  const b = bias ? vector(bias, size, factor('beta')) : null;
  if (bias && !b) return null;
  return affine(node, partsOf(x, tools), scaled(matrix, factor('alpha')), b, tools);
}

/** A constant that is added to all rows, as one row; null for anything else. */
function vector(value: Value, size: number, factor = 1): Tensor | null {
  if (value.kind !== 'constant' || value.tensor.type === 'integer') return null;
  const { shape, values, type } = value.tensor;
  const isRow = shape.slice(0, -1).every((one) => one === 1) && (values.length === size || values.length === 1);
  if (!isRow) return null;
  const row = Array.from({ length: size }, (_, i) => values[values.length === 1 ? 0 : i]! * factor);
  return { type, shape: [size], values: type === 'float64' ? Float64Array.from(row) : Float32Array.from(row) };
}

const added = (a: Tensor | null, b: Tensor): Tensor =>
  a ? { ...a, values: a.values.map((value, i) => value + b.values[i]!) } : b;

/** Operators of which an affine value is made at most: a + a, again and again, would else take all memory. */
const MAX_NODES = 16;

/** The sum of an affine value and a constant row, or of two affine values. */
export function addAffine(node: Node, [a, b]: readonly (Value | null)[], { spend }: Tools): Affine | null {
  const [one, other] = b?.kind === 'affine' && a?.kind !== 'affine' ? [b, a] : [a, b];
  if (one?.kind !== 'affine' || !other || one.nodes.length > MAX_NODES) return null;
  const nodes = [...one.nodes, node];
  if (other.kind === 'affine') {
    const axes = one.axes ?? other.axes;
    if (one.size !== other.size || other.nodes.length > MAX_NODES) return null;
    return { ...one, axes, nodes: [...one.nodes, ...other.nodes, node], terms: [...one.terms, ...other.terms] };
  }
  spend(2 * one.size);
  const row = vector(other, one.size);
  if (!row) return null;
  // The term without a bias gets it, so that the biases of two terms stay apart.
  const at = Math.max(
    0,
    one.terms.findIndex(({ bias }) => bias === null),
  );
  const terms = one.terms.map((term, i) => (i === at ? { ...term, bias: added(term.bias, row) } : term));
  return { ...one, nodes, terms };
}

/** Outputs `start` to `start + count` of an affine value. */
export function columns(value: Affine, start: number, count: number, spend: Spend): Affine {
  const cut = (t: Tensor): Tensor => slice(t, new Map([[t.shape.length - 1, { start, count, step: 1 }]]), spend);
  return {
    ...value,
    terms: value.terms.map(({ x, weight, bias }) => ({ x, weight: cut(weight), bias: bias && cut(bias) })),
    axes: value.axes && [...value.axes.slice(0, -1), { label: 'F', size: count }],
    size: count,
  };
}

/** An affine value as a linear layer; null if it is a sum of several products. */
export function linearLayer({ nodes, terms, size }: Affine): Layer | null {
  if (terms.length !== 1) return null;
  const { x, weight, bias } = terms[0]!;
  const [inputs] = weight.shape as [number];
  const parameters = new Map([['weight', transposed(weight.values, inputs, size)]]);
  if (bias) parameters.set('bias', bias.values);
  const spec: LinearSpec = { kind: 'linear', size, ...(!bias && { bias: false }) };
  return {
    name: nodes[0]!.name,
    kind: nodes[0]!.op,
    size: `${inputs} -> ${size}`,
    input: x,
    content: { width: inputs, spec, parameters, notes: [] },
  };
}
