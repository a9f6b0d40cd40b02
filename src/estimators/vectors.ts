/** Vector operations on plain arrays. */
import type { FloatArray } from '../contract/kernels.js';
import type { Rng } from '../core/rng.js';

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

/** out += scale * a */
export function addScaled(out: FloatArray, scale: number, a: ArrayLike<number>): void {
  for (let i = 0; i < out.length; i++) out[i]! += scale * a[i]!;
}

/** `count` of `parts` equal parts of a list, from part `first`. An Int32Array stays one. */
export function partOf(values: ArrayLike<number>, parts: number, first: number, count = 1): ArrayLike<number> {
  const each = values.length / parts;
  const cut = Array.prototype.slice.call(values, first * each, (first + count) * each) as number[];
  return values instanceof Int32Array ? Int32Array.from(cut) : cut;
}

/** As `partOf`, without a copy of a typed array, which the caller must not change while the part is read. */
export function viewOfPart(values: ArrayLike<number>, parts: number, first: number, count: number): ArrayLike<number> {
  if (!ArrayBuffer.isView(values)) return partOf(values, parts, first, count);
  const each = values.length / parts;
  return (values as Float32Array).subarray(first * each, (first + count) * each);
}

/** -1 or 1, each with probability 1/2. */
export const randomSigns = (length: number, random: Rng): Float64Array =>
  Float64Array.from({ length }, () => (random.uniform() < 0.5 ? -1 : 1));

export const randomNormals = (length: number, random: Rng): Float64Array =>
  Float64Array.from({ length }, () => random.normal());
