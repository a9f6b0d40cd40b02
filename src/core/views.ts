/** ndarrays over a backend's live memory: looking costs no copy, and what is written there is what the engine reads. */
import ndarray, { type NdArray } from 'ndarray';
import { UnspoolError } from '../errors.js';
import type { FloatArray, Kernels, Matrix } from './kernels.js';

/** The rows and columns of a tensor as the kernels see it: the last dimension is the columns. */
export function matrixOf(shape: readonly number[]): [rows: number, cols: number] {
  const cols = shape.at(-1) ?? 1;
  return [shape.slice(0, -1).reduce((a, b) => a * b, 1), cols];
}

function memory(kernels: Kernels, m: Matrix): FloatArray {
  const data = kernels.host(m);
  if (data) return data;
  throw new UnspoolError({
    code: 'INVALID_SETTING',
    path: 'backend',
    problem: `the ${kernels.name} backend keeps its numbers on a device, where no live view can reach.`,
    help: 'Download a copy instead.',
  });
}

/** All of `m`, in `shape` (row-major). */
export function hostArray(kernels: Kernels, m: Matrix, shape: readonly number[]): NdArray<FloatArray> {
  return ndarray(memory(kernels, m), [...shape]);
}

/** Columns [from, from + count) of `m`: one gate out of the four that stand side by side. */
export function hostColumns(kernels: Kernels, m: Matrix, from: number, count: number): NdArray<FloatArray> {
  return ndarray(memory(kernels, m), [m.rows, count], [m.cols, 1], from);
}
