/** ndarrays over a backend's live memory: looking costs no copy, and what is written there is what the engine reads. */
import ndarray from 'ndarray';
import { UnspoolError } from '../errors.js';
import type { FloatArray, Kernels, Matrix } from './kernels.js';

/**
 * A view of numbers that live elsewhere: what the package `ndarray` makes, spelled out so that whoever uses Unspool from
 * TypeScript needs no further types. `shape`, `stride` and `offset` say where element (i, j, ...) stands in `data`.
 */
export interface NdArray {
  readonly data: FloatArray;
  readonly shape: number[];
  readonly stride: number[];
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
  readonly dimension: number;
  readonly dtype: string;
  get(...index: number[]): number;
  /** The last argument is the value. */
  set(...indexAndValue: number[]): number;
  /** Where an element stands in `data`. */
  index(...index: number[]): number;
  /** A view of the first so many, or from so many on, or of every so many in each dimension. */
  hi(...counts: number[]): NdArray;
  lo(...counts: number[]): NdArray;
  step(...steps: number[]): NdArray;
  transpose(...dimensions: number[]): NdArray;
  /** Fixes the dimensions that are not null. */
  pick(...index: (number | null)[]): NdArray;
}

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
export function hostArray(kernels: Kernels, m: Matrix, shape: readonly number[]): NdArray {
  return ndarray(memory(kernels, m), [...shape]);
}

/** Columns [from, from + count) of `m`: one gate out of the four that stand side by side. */
export function hostColumns(kernels: Kernels, m: Matrix, from: number, count: number): NdArray {
  return ndarray(memory(kernels, m), [m.rows, count], [m.cols, 1], from);
}
