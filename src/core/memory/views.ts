/**
 * ndarrays over a backend's live memory: reading costs no copy, and the engine reads what you write. Every access goes through
 * the tape's or arena's lease of the backend. So an array used after its tape was freed throws `DISPOSED` instead of reading
 * reused memory, and an access waits for running threads. It is as fast as an access to a typed array.
 */
import ndarray from 'ndarray';
import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';

/** The numbers of a view. ndarray accepts such an object instead of a typed array. */
export class LiveNumbers {
  private readonly read: () => FloatArray;

  constructor(read: () => FloatArray) {
    this.read = read;
  }

  get length(): number {
    return this.read().length;
  }

  get(index: number): number {
    return this.read()[index]!;
  }

  set(index: number, value: number): number {
    this.read()[index] = value;
    return value;
  }

  /** A copy of numbers [from, to), which stays valid. Default: all of them. */
  slice(from?: number, to?: number): FloatArray {
    return this.read().slice(from, to);
  }

  [Symbol.iterator](): IterableIterator<number> {
    return this.read()[Symbol.iterator]();
  }

  /**
   * The memory itself, for code that needs a typed array. After the tape or arena is freed, this memory is reused without any
   * check: read it immediately, or keep a copy.
   */
  get array(): FloatArray {
    return this.read();
  }
}

/**
 * An n-dimensional view of live numbers, as the package `ndarray` makes it; declared here so that TypeScript users need no other
 * types. `shape`, `stride` and `offset` map element (i, j, ...) to an index of `data`.
 */
export interface NdArray {
  readonly data: LiveNumbers;
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
  /** The index of an element in `data`. */
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

/** The live numbers of `m`, valid until the next instruction. Throws `INVALID_SETTING` on a device. */
export function hostNumbers(kernels: Kernels, m: Matrix): FloatArray {
  const data = kernels.host(m);
  if (data) return data;
  throw invalidSetting(
    'backend',
    `the ${kernels.name} backend keeps its numbers on a device, so a live view is not possible.`,
    'Make a copy with kernels.download() or downloadSteps() of unspool/gpu.',
  );
}

function liveNumbers(kernels: Kernels, m: Matrix): LiveNumbers {
  hostNumbers(kernels, m); // reports a device now instead of at the first access
  return new LiveNumbers(() => kernels.host(m)!);
}

/** All of `m`, in `shape` (row-major). */
export function hostArray(kernels: Kernels, m: Matrix, shape: readonly number[]): NdArray {
  return ndarray(liveNumbers(kernels, m), [...shape]);
}

/** An ndarray over a copy that no backend owns. */
export function ownArray(values: FloatArray, shape: readonly number[]): NdArray {
  return ndarray(new LiveNumbers(() => values), [...shape]);
}

/** Columns [from, from + count) of `m`: one of the four gates of a row. */
export function hostColumns(kernels: Kernels, m: Matrix, from: number, count: number): NdArray {
  return ndarray(liveNumbers(kernels, m), [m.rows, count], [m.cols, 1], from);
}
