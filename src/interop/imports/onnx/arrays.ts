/** Rearranging tensors of constants. */
import { newValues, sizeOf, type Tensor } from './tensor.js';

/** Counts the numbers that folding makes, because a file of a few bytes can describe terabytes. Throws beyond its limit. */
export type Spend = (numbers: number) => void;

/** The distance between neighbours of each dimension, in elements. */
function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** A copy of the elements at `offset + sum of index x stride`, row by row. */
function strided(
  t: Tensor,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  spend: Spend,
): Tensor {
  const count = sizeOf(shape);
  spend(count);
  const values = newValues(t.type, count);
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < count; i++) {
    values[i] = t.values[at]!;
    for (let k = shape.length - 1; k >= 0; k--) {
      at += strides[k]!;
      if (++index[k]! < shape[k]!) break;
      at -= strides[k]! * shape[k]!;
      index[k] = 0;
    }
  }
  return { type: t.type, shape, values };
}

/** Dimension i of the result is dimension perm[i] of the tensor. */
export function transpose(t: Tensor, perm: readonly number[], spend: Spend): Tensor {
  const strides = stridesOf(t.shape);
  const [shape, moved] = [perm.map((k) => t.shape[k]!), perm.map((k) => strides[k]!)];
  return strided(t, shape, moved, 0, spend);
}

/** A part of a dimension: from `start`, `count` elements that are `step` apart. */
export interface Range {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** A part of each dimension in `ranges`, and all of the others. */
export function slice(t: Tensor, ranges: ReadonlyMap<number, Range>, spend: Spend): Tensor {
  const strides = stridesOf(t.shape);
  const shape = t.shape.map((size, k) => ranges.get(k)?.count ?? size);
  const offset = strides.reduce((sum, stride, k) => sum + stride * (ranges.get(k)?.start ?? 0), 0);
  const steps = strides.map((stride, k) => stride * (ranges.get(k)?.step ?? 1));
  return strided(t, shape, steps, offset, spend);
}

/** The shape that two shapes broadcast to; null if they do not fit. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const sizes = (shape: readonly number[], k: number): number => shape[shape.length - rank + k] ?? 1;
  const out = Array.from({ length: rank }, (_, k) => (sizes(a, k) === 1 ? sizes(b, k) : sizes(a, k)));
  const fits = out.every((size, k) => [a, b].every((shape) => sizes(shape, k) === 1 || sizes(shape, k) === size));
  return fits ? out : null;
}

/** The tensor repeated along dimensions of size 1, to a shape that it broadcasts to. */
export function expand(t: Tensor, shape: readonly number[], spend: Spend): Tensor {
  const own = stridesOf(t.shape);
  const missing = shape.length - t.shape.length;
  const strides = shape.map((_, k) => (k < missing || t.shape[k - missing] === 1 ? 0 : own[k - missing]!));
  return strided(t, shape, strides, 0, spend);
}

/** Elements of dimension `axis`, by their indices; a negative index counts from the end. Null for one out of range. */
export function gather(t: Tensor, indices: Tensor, axis: number, spend: Spend): Tensor | null {
  const size = t.shape[axis]!;
  const wanted = Array.from(indices.values, (index) => (index < 0 ? index + size : index));
  if (!wanted.every((index) => Number.isInteger(index) && index >= 0 && index < size)) return null;
  const [before, after] = [t.shape.slice(0, axis), t.shape.slice(axis + 1)];
  const [outer, inner] = [sizeOf(before), sizeOf(after)];
  spend(outer * wanted.length * inner);
  const values = newValues(t.type, outer * wanted.length * inner);
  for (let o = 0; o < outer; o++) {
    wanted.forEach((index, k) => {
      const from = (o * size + index) * inner;
      values.set(t.values.subarray(from, from + inner), (o * wanted.length + k) * inner);
    });
  }
  return { type: t.type, shape: [...before, ...indices.shape, ...after], values };
}

/** Tensors one after the other along a dimension; null if their shapes do not fit. */
export function concat(tensors: readonly Tensor[], axis: number, spend: Spend): Tensor | null {
  const first = tensors[0]!;
  const others = (shape: readonly number[]): string => shape.map((size, k) => (k === axis ? '' : size)).join();
  const fits = ({ shape, type }: Tensor): boolean =>
    type === first.type && shape.length === first.shape.length && others(shape) === others(first.shape);
  if (!tensors.every(fits)) return null;
  const shape = first.shape.map((size, k) => (k === axis ? tensors.reduce((sum, t) => sum + t.shape[k]!, 0) : size));
  spend(sizeOf(shape));
  const values = newValues(first.type, sizeOf(shape));
  const outer = sizeOf(shape.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { values: own } of tensors) {
      const block = own.length / outer;
      values.set(own.subarray(o * block, (o + 1) * block), at);
      at += block;
    }
  }
  return { type: first.type, shape, values };
}

/** The tensor cut along a dimension into parts of these sizes. */
export function split(t: Tensor, sizes: readonly number[], axis: number, spend: Spend): Tensor[] {
  let start = 0;
  return sizes.map((count) => {
    const part = slice(t, new Map([[axis, { start, count, step: 1 }]]), spend);
    start += count;
    return part;
  });
}
