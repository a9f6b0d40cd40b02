/** What operators that rearrange a value do to it, from their attributes or, in newer opsets, their inputs. */
import type { Range } from './arrays.js';
import type { Node } from './file.js';
import type { Tensor } from './tensor.js';

/** A node with its constant inputs; null for one that is absent or computed. */
export interface Operands {
  readonly node: Node;
  readonly constants: readonly (Tensor | null)[];
}

/** An integer attribute. */
export function integerOf(node: Node, name: string, missing: number): number {
  const value = node.attributes.get(name);
  return typeof value === 'number' ? value : missing;
}

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'number');

/** A list of numbers in an attribute. */
export function numbersOf(node: Node, name: string): readonly number[] | null {
  const value = node.attributes.get(name);
  return isNumbers(value) ? value : null;
}

const hasInput = (node: Node, i: number): boolean => (node.inputs[i] ?? '') !== '';

/** A list of integers that is attribute `name`, or input i. Undefined if it is absent, null if it is not known. */
export function listOf({ node, constants }: Operands, name: string, i: number): readonly number[] | null | undefined {
  if (hasInput(node, i)) {
    const tensor = constants[i];
    return tensor?.values.every((value) => !Number.isNaN(value)) ? Array.from(tensor.values) : null;
  }
  return numbersOf(node, name) ?? undefined;
}

/** A dimension by its number, which counts from the end if it is negative; null if the value does not have it. */
export function axisOf(axis: number, rank: number): number | null {
  const k = axis < 0 ? axis + rank : axis;
  return Number.isInteger(k) && k >= 0 && k < rank ? k : null;
}

/** Dimensions by their numbers; null if one is not there or is listed twice. */
export function axesOf(axes: readonly number[], rank: number): number[] | null {
  const found = axes.map((axis) => axisOf(axis, rank));
  return found.every((k) => k !== null) && new Set(found).size === found.length ? (found as number[]) : null;
}

/** The order of dimensions that a Transpose makes; null if it is not one. */
export function permutation(node: Node, rank: number): number[] | null {
  const perm = numbersOf(node, 'perm') ?? Array.from({ length: rank }, (_, k) => rank - 1 - k);
  return perm.length === rank ? axesOf(perm, rank) : null;
}

/** What a Slice takes of each dimension. `sizes` has null for one that is not known; only a step of 1 to its end is read there. */
export function slices(operands: Operands, sizes: readonly (number | null)[]): Map<number, Range> | null {
  const [starts, ends] = [listOf(operands, 'starts', 1), listOf(operands, 'ends', 2)];
  if (!starts || !ends || starts.length !== ends.length) return null;
  const axes = listOf(operands, 'axes', 3) ?? starts.map((_, k) => k);
  const steps = listOf(operands, 'steps', 4) ?? starts.map(() => 1);
  const found = axesOf(axes, sizes.length);
  if (!found || found.length !== starts.length || steps.length !== starts.length) return null;
  const ranges = new Map<number, Range>();
  for (const [i, axis] of found.entries()) {
    const [size, step] = [sizes[axis]!, steps[i]!];
    if (size === null || !Number.isInteger(step) || step === 0) return null;
    const within = (index: number, min: number, max: number): number =>
      Math.min(max, Math.max(min, index < 0 ? index + size : index));
    const start = step > 0 ? within(starts[i]!, 0, size) : within(starts[i]!, -1, size - 1);
    const end = step > 0 ? within(ends[i]!, 0, size) : ends[i]! < -size ? -1 : within(ends[i]!, -1, size - 1);
    ranges.set(axis, { start, count: Math.max(0, Math.ceil((end - start) / step)), step });
  }
  return ranges;
}

/** Sizes of the parts that a Split makes of a dimension; null if they do not add up. */
export function splitSizes(operands: Operands, size: number): number[] | null {
  const parts = operands.node.outputs.length;
  const chunk = Math.ceil(size / parts);
  const even = Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(chunk, size - i * chunk)));
  const listed = listOf(operands, 'split', 1);
  const sizes = listed === undefined ? even : listed;
  const isValid = sizes?.length === parts && sizes.every((one) => Number.isInteger(one) && one >= 0);
  return isValid && sizes.reduce((sum, one) => sum + one, 0) === size ? [...sizes] : null;
}

/** The shape that a Reshape gives to `count` numbers of a shape; null if they do not fit or it is not known. */
export function reshaped(operands: Operands, shape: readonly number[], count: number): number[] | null {
  const target = listOf(operands, 'shape', 1);
  if (!target) return null;
  const keepsZero = integerOf(operands.node, 'allowzero', 0) === 1;
  const sizes = target.map((size, k) => (size === 0 && !keepsZero ? (shape[k] ?? Number.NaN) : size));
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= -1)) return null;
  const free = sizes.indexOf(-1);
  const known = sizes.reduce((product, size) => product * (size === -1 ? 1 : size), 1);
  if (free >= 0) sizes[free] = known > 0 ? count / known : 0;
  const total = sizes.reduce((product, size) => product * size, 1);
  return total === count && sizes.every((size) => Number.isInteger(size) && size >= 0) ? sizes : null;
}
