/**
 * Views of a backend's live memory: reading costs no copy, and the engine reads what you write. Every access goes through the
 * tape's or arena's lease of the backend. So a view that is used after its tape was freed throws `DISPOSED` instead of reading
 * reused memory, and an access waits for running threads.
 */
import { requireInteger, shown } from '../../checks.js';
import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { LiveNumbers, type WriteObserver } from './live-numbers.js';

/** Numbers as lists in lists, in the order of a view's shape. A view of no dimensions is one number. */
export type NestedNumbers = number | NestedNumbers[];

/**
 * An n-dimensional view of numbers, with the methods of the package `ndarray`. `shape`, `stride` and `offset` map element
 * (i, j, ...) to an index of `data`. An index outside of the shape throws `INVALID_SETTING`.
 */
export interface NdArray<Data = LiveNumbers | FloatArray, Nested = NestedNumbers> {
  /** In the order of memory. After `transpose`, `hi`, `lo`, `step` or `pick`, that is not the order of `shape`: see `copy`. */
  readonly data: Data;
  readonly shape: number[];
  readonly stride: number[];
  readonly offset: number;
  /** Number of elements. */
  readonly size: number;
  readonly dimension: number;
  /** `float32` or `float64`; `generic` for a live view, as in the package `ndarray`. */
  readonly dtype: string;
  get(...index: number[]): number;
  /** The last argument is the value. */
  set(...indexAndValue: number[]): number;
  /** The index of an element in `data`. */
  index(...index: number[]): number;
  /** A view of the first so many, or from so many on, or of every so many in each dimension. */
  hi(...counts: (number | null)[]): NdArray<Data, Nested>;
  lo(...counts: (number | null)[]): NdArray<Data, Nested>;
  step(...steps: (number | null)[]): NdArray<Data, Nested>;
  transpose(...dimensions: number[]): NdArray<Data, Nested>;
  /** Fixes the dimensions that are not null. */
  pick(...index: (number | null)[]): NdArray<Data>;
  /** Copies of the numbers as lists in lists: `toArray()[i][j]` is `get(i, j)`. */
  toArray(): Nested;
  /** A view of the same shape over a copy. Its `data` is a typed array in the order of `shape`. */
  copy(): NdArray<FloatArray, Nested>;
  /** Iterates over a copy of the numbers, in the order of `shape`. */
  [Symbol.iterator](): IterableIterator<number>;
}

/** A view of numbers of the engine. */
export type LiveArray<Nested = NestedNumbers> = NdArray<LiveNumbers, Nested>;

/** The strides of a row-major array. */
const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));

/** The one class of views, over live numbers or a typed array. */
class View<Data extends LiveNumbers | FloatArray> implements NdArray<Data> {
  readonly data: Data;
  readonly shape: number[];
  readonly stride: number[];
  readonly offset: number;

  constructor(data: Data, shape: readonly number[], stride: readonly number[] = rowMajor(shape), offset = 0) {
    this.data = data;
    this.shape = [...shape];
    this.stride = [...stride];
    this.offset = offset;
  }

  get size(): number {
    return this.shape.reduce((a, b) => a * b, 1);
  }

  get dimension(): number {
    return this.shape.length;
  }

  get dtype(): string {
    const { data } = this;
    return data instanceof LiveNumbers ? 'generic' : data instanceof Float32Array ? 'float32' : 'float64';
  }

  get(...index: number[]): number {
    return this.numbers[this.index(...index)]!;
  }

  set(...indexAndValue: number[]): number {
    const at = this.index(...indexAndValue.slice(0, -1));
    const value = indexAndValue.at(-1)!;
    if (typeof value !== 'number') throw invalidSetting('set', `the value must be a number, got ${shown(value)}.`);
    const { data } = this;
    if (data instanceof LiveNumbers) data.set(at, value);
    else data[at] = value;
    return value;
  }

  index(...index: number[]): number {
    const { shape, stride } = this;
    let at = this.offset;
    let inside = index.length === shape.length;
    for (let d = 0; d < shape.length; d++) {
      const i = index[d]!;
      inside &&= Number.isInteger(i) && i >= 0 && i < shape[d]!;
      if (inside) at += stride[d]! * i;
    }
    if (!inside) throw invalidSetting('index', `a view of shape ${shown(shape)} has no element ${shown(index)}.`);
    return at;
  }

  hi(...counts: (number | null)[]): View<Data> {
    return this.cut('hi', counts, (count, size, stride) => {
      requireInteger('hi', count, 0, size);
      return { size: count, stride };
    });
  }

  lo(...counts: (number | null)[]): View<Data> {
    return this.cut('lo', counts, (count, size, stride) => {
      requireInteger('lo', count, 0, size);
      return { size: size - count, stride, skip: count };
    });
  }

  step(...steps: (number | null)[]): View<Data> {
    return this.cut('step', steps, (step, size, stride) => {
      if (step === 0) throw invalidSetting('step', 'must not be 0.');
      requireInteger('step', step, -MAX_STEP, MAX_STEP);
      return { size: Math.ceil(size / Math.abs(step)), stride: stride * step, skip: step < 0 ? size - 1 : 0 };
    });
  }

  transpose(...dimensions: number[]): View<Data> {
    const all = this.shape.map((_, d) => d);
    if (!dimensions.every(Number.isInteger) || [...dimensions].sort().join() !== all.join()) {
      throw invalidSetting('transpose', `must list each of the dimensions ${all.join()}, got ${shown(dimensions)}.`);
    }
    const of = (values: readonly number[]) => dimensions.map((d) => values[d]!);
    return new View(this.data, of(this.shape), of(this.stride), this.offset);
  }

  pick(...index: (number | null)[]): View<Data> {
    const kept = this.shape.map((_, d) => d).filter((d) => (index[d] ?? null) === null);
    const { offset } = this.cut('pick', index, (i, size, stride) => {
      requireInteger('pick', i, 0, size - 1);
      return { size, stride, skip: i };
    });
    const of = (values: readonly number[]) => kept.map((d) => values[d]!);
    return new View(this.data, of(this.shape), of(this.stride), offset);
  }

  toArray(): NestedNumbers {
    const { data, shape } = this.copy();
    const strides = rowMajor(shape);
    const list = (d: number, from: number): NestedNumbers =>
      d === shape.length
        ? data[from]!
        : Array.from({ length: shape[d]! }, (_, i) => list(d + 1, from + i * strides[d]!));
    return list(0, 0);
  }

  copy(): View<FloatArray> {
    const { numbers, shape, stride, size } = this;
    const out = numbers instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
    let next = 0;
    const walk = (d: number, from: number): void => {
      if (d === shape.length) out[next++] = numbers[from]!;
      else for (let i = 0; i < shape[d]!; i++) walk(d + 1, from + i * stride[d]!);
    };
    walk(0, this.offset);
    return new View<FloatArray>(out, shape);
  }

  [Symbol.iterator](): IterableIterator<number> {
    return this.copy().data[Symbol.iterator]();
  }

  private get numbers(): FloatArray {
    const { data } = this;
    return data instanceof LiveNumbers ? data.read() : data;
  }

  /** `change` replaces the size and stride of each dimension that has an argument, and skips elements at its start. */
  private cut(
    what: string,
    given: readonly (number | null)[],
    change: (value: number, size: number, stride: number) => { size: number; stride: number; skip?: number },
  ): View<Data> {
    if (given.length > this.dimension) {
      throw invalidSetting(what, `has ${given.length} arguments, but the view has ${this.dimension} dimensions.`);
    }
    const [shape, stride] = [[...this.shape], [...this.stride]];
    let { offset } = this;
    given.forEach((value, d) => {
      if (value === null || value === undefined) return;
      const { size, stride: every, skip = 0 } = change(value, shape[d]!, stride[d]!);
      offset += skip * stride[d]!;
      shape[d] = size;
      stride[d] = every;
    });
    return new View(this.data, shape, stride, offset);
  }
}

const MAX_STEP = 1 << 28;

/** Whether a value is a view that the engine has made. */
export const isView = (value: unknown): value is NdArray => value instanceof View;

/** A view whose lists are nested as its shape says. */
const viewOf = <Data extends LiveNumbers | FloatArray, Nested>(
  data: Data,
  shape: readonly number[],
  stride?: readonly number[],
  offset?: number,
): NdArray<Data, Nested> => new View(data, shape, stride, offset) as unknown as NdArray<Data, Nested>;

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

function liveNumbers(kernels: Kernels, m: Matrix, observer?: WriteObserver): LiveNumbers {
  hostNumbers(kernels, m); // reports a device now instead of at the first access
  return new LiveNumbers(() => kernels.host(m)!, observer);
}

/** All of `m`, in `shape` (row-major). */
export function hostArray<Nested = NestedNumbers>(
  kernels: Kernels,
  m: Matrix,
  shape: readonly number[],
  observer?: WriteObserver,
): LiveArray<Nested> {
  return viewOf(liveNumbers(kernels, m, observer), shape);
}

/** A view over a copy that no backend owns. */
export const ownArray = <Nested = NestedNumbers>(
  values: FloatArray,
  shape: readonly number[],
): NdArray<FloatArray, Nested> => viewOf(values, shape);

/** Columns [from, from + count) of `m`: one of the four gates of a row. */
export function hostColumns(kernels: Kernels, m: Matrix, from: number, count: number): LiveArray {
  return viewOf(liveNumbers(kernels, m), [m.rows, count], [m.cols, 1], from);
}
