/**
 * Computes the operators that exporters use to build weights and shapes out of constants. NaN in a tensor of integers is a size
 * that only the caller of the model knows; it spreads through what is computed from it.
 */
import { broadcastShape, concat, expand, gather, type Spend, slice, split, transpose } from './arrays.js';
import {
  axesOf,
  axisOf,
  integerOf,
  listOf,
  type Operands,
  permutation,
  reshaped,
  slices,
  splitSizes,
} from './operands.js';
import { elementType, integers, MAX_RANK, newValues, sizeOf, type Tensor } from './tensor.js';

/** The outputs of an operator; null where it cannot compute them. */
type Fold = (inputs: readonly Tensor[], operands: Operands, spend: Spend) => readonly (Tensor | null)[];

const as = (t: Tensor, shape: readonly number[] | null): Tensor | null =>
  shape && shape.length <= MAX_RANK ? { ...t, shape } : null;

function squeeze(t: Tensor, operands: Operands): Tensor | null {
  const listed = listOf(operands, 'axes', 1);
  if (listed === null) return null;
  const axes =
    listed === undefined ? t.shape.flatMap((size, k) => (size === 1 ? [k] : [])) : axesOf(listed, t.shape.length);
  if (!axes?.every((k) => t.shape[k] === 1)) return null;
  return as(
    t,
    t.shape.filter((_, k) => !axes.includes(k)),
  );
}

function unsqueeze(t: Tensor, operands: Operands): Tensor | null {
  const listed = listOf(operands, 'axes', 1);
  if (!listed || listed.length > MAX_RANK) return null;
  const axes = axesOf(listed, t.shape.length + listed.length);
  if (!axes) return null;
  const rest = t.shape.values();
  return as(
    t,
    Array.from({ length: t.shape.length + axes.length }, (_, k) => (axes.includes(k) ? 1 : rest.next().value!)),
  );
}

function cast(t: Tensor, operands: Operands, spend: Spend): Tensor | null {
  const to = integerOf(operands.node, 'to', 0);
  const type = elementType(to);
  if (!type) return null;
  spend(t.values.length);
  const convert = (value: number): number => {
    if (type !== 'integer' || Number.isNaN(value)) return value;
    return to === 9 ? Number(value !== 0) : Math.trunc(value);
  };
  return { type, shape: t.shape, values: newValues(type, t.values.length).map((_, i) => convert(t.values[i]!)) };
}

function elementwise(compute: (a: number, b: number) => number, result?: 'integer'): Fold {
  return ([a, b], _, spend) => {
    const shape = broadcastShape(a!.shape, b!.shape);
    if (!shape || shape.length > MAX_RANK || a!.type !== b!.type) return [null];
    const [x, y] = [expand(a!, shape, spend), expand(b!, shape, spend)];
    const type = result ?? a!.type;
    const values = newValues(type, x.values.length).map((_, i) => compute(x.values[i]!, y.values[i]!));
    return [{ type, shape, values }];
  };
}

const comparison = (compute: (a: number, b: number) => boolean): Fold =>
  elementwise((a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Number(compute(a, b))), 'integer');

const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: ([t]) => [t!],
  Dropout: ([t]) => [t!, null],
  Cast: ([t], operands, spend) => [cast(t!, operands, spend)],
  Reshape: ([t], operands) => [as(t!, reshaped(operands, t!.shape, t!.values.length))],
  Flatten: ([t], { node }) => {
    const axis = integerOf(node, 'axis', 1);
    const k = axis < 0 ? axis + t!.shape.length : axis;
    return [as(t!, [sizeOf(t!.shape.slice(0, k)), sizeOf(t!.shape.slice(k))])];
  },
  Squeeze: ([t], operands) => [squeeze(t!, operands)],
  Unsqueeze: ([t], operands) => [unsqueeze(t!, operands)],
  Transpose: ([t], { node }, spend) => {
    const perm = permutation(node, t!.shape.length);
    return [perm && transpose(t!, perm, spend)];
  },
  Concat: (tensors, { node }, spend) => {
    const axis = axisOf(integerOf(node, 'axis', 0), tensors[0]!.shape.length);
    return [axis === null ? null : concat(tensors, axis, spend)];
  },
  Slice: ([t], operands, spend) => {
    const ranges = slices(operands, t!.shape);
    return [ranges && slice(t!, ranges, spend)];
  },
  Gather: ([t, indices], { node }, spend) => {
    const axis = axisOf(integerOf(node, 'axis', 0), t!.shape.length);
    const fits = axis !== null && t!.shape.length - 1 + indices!.shape.length <= MAX_RANK;
    return [fits ? gather(t!, indices!, axis, spend) : null];
  },
  Split: ([t], operands, spend) => {
    const { node } = operands;
    const axis = axisOf(integerOf(node, 'axis', 0), t!.shape.length);
    const sizes = axis === null ? null : splitSizes(operands, t!.shape[axis]!);
    return sizes ? split(t!, sizes, axis!, spend) : node.outputs.map(() => null);
  },
  Shape: ([t], { node }) => {
    const [start, end] = [integerOf(node, 'start', 0), integerOf(node, 'end', t!.shape.length)];
    return [integers(t!.shape.slice(start, end))];
  },
  Size: ([t]) => [integers([t!.values.length], [])],
  ConstantOfShape: ([shape], { node }, spend) => {
    const sizes = Array.from(shape!.values);
    if (sizes.length > MAX_RANK || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) return [null];
    const attribute = node.attributes.get('value');
    const filling = typeof attribute === 'object' && 'tensor' in attribute ? attribute.tensor : null;
    spend(sizeOf(sizes));
    const type = filling?.type ?? 'float32';
    return [{ type, shape: sizes, values: newValues(type, sizeOf(sizes)).fill(filling?.values[0] ?? 0) }];
  },
  Expand: ([t, shape], _, spend) => {
    const sizes = broadcastShape(t!.shape, Array.from(shape!.values));
    const isKnown = sizes?.every((size) => Number.isSafeInteger(size) && size >= 0) && sizes.length <= MAX_RANK;
    return [isKnown ? expand(t!, sizes!, spend) : null];
  },
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: (inputs, operands, spend) => {
    const isInteger = inputs[0]!.type === 'integer';
    return elementwise((a, b) => (isInteger ? Math.trunc(a / b) : a / b))(inputs, operands, spend);
  },
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  Less: comparison((a, b) => a < b),
  Not: ([t]) => [{ ...t!, values: t!.values.map((value) => (Number.isNaN(value) ? value : Number(value === 0))) }],
};

/** Whether an operator only rearranges its first input, so that one whose numbers are all equal stays so. */
export const REARRANGING: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Slice',
  'Gather',
  'Split',
  'Expand',
  'Concat',
]);

/** Operators that need two inputs. */
const BINARY: ReadonlySet<string> = new Set([
  'Gather',
  'Expand',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Equal',
  'Greater',
  'Less',
]);

/** The outputs of an operator whose inputs are constants; null where they are not computed. */
export function fold(operands: Operands, spend: Spend): readonly (Tensor | null)[] | null {
  const { node, constants } = operands;
  const inputs = constants.filter((tensor) => tensor !== null);
  const given = node.inputs.filter((name) => name !== '').length;
  if (!Object.hasOwn(FOLDS, node.op) || inputs.length !== given || constants[0] == null) return null;
  if (BINARY.has(node.op) && constants[1] == null) return null;
  return FOLDS[node.op]!(inputs, operands, spend);
}
