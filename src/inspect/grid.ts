/** Matrices as plain data. */
import { isObject, requireInteger, requireList, shown } from '../checks.js';
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import { invalidData } from '../errors.js';

/** A matrix as plain data: element (row, col) is `data[row * cols + col]`. It can be posted to a worker (structured clone). */
export interface Grid {
  readonly rows: number;
  readonly cols: number;
  readonly data: FloatArray;
}

/** Wraps `data` as a grid; by default zeros in float64. */
export const grid = (rows: number, cols: number, data: FloatArray = new Float64Array(rows * cols)): Grid => ({
  rows,
  cols,
  data,
});

/** A view of one row. */
export const rowOf = ({ data, cols }: Grid, row: number): FloatArray => data.subarray(row * cols, (row + 1) * cols);

/** A copy of a matrix. */
export async function download(k: Kernels, m: Matrix): Promise<Grid> {
  return grid(m.rows, m.cols, await k.download(m));
}

/** Copies of several matrices, stacked by rows. */
export async function downloadAll(k: Kernels, matrices: readonly Matrix[]): Promise<Grid> {
  const { rows, cols } = matrices[0]!;
  const parts: FloatArray[] = [];
  for (const m of matrices) parts.push(await k.download(m));
  const data = new (parts[0] instanceof Float64Array ? Float64Array : Float32Array)(rows * cols * parts.length);
  for (const [t, part] of parts.entries()) data.set(part, t * rows * cols);
  return grid(rows * parts.length, cols, data);
}

/** A copy of `count` columns, starting at column `from`. */
export function columns({ rows, cols, data }: Grid, from: number, count: number): Grid {
  const out = new (data instanceof Float64Array ? Float64Array : Float32Array)(rows * count);
  for (let r = 0; r < rows; r++) out.set(data.subarray(r * cols + from, r * cols + from + count), r * count);
  return grid(rows, count, out);
}

export const FROM_TRACE = 'Pass what trace() returned.';
export const MAX_SIDE = 1 << 28;

/** Throws `INVALID_DATA` unless `value` is an object. */
export function requireObject(what: string, value: unknown): asserts value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw invalidData(what, `must be an object, got ${shown(value)}.`, FROM_TRACE);
}

/** Throws `INVALID_DATA` unless `value` is a grid; of these sizes, if they are given. */
export function requireGrid(what: string, value: unknown, rows?: number, cols?: number): asserts value is Grid {
  requireObject(what, value);
  const { data } = value;
  requireList(`${what}.data`, data);
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw invalidData(`${what}.data`, `must be a Float32Array or a Float64Array, got ${shown(data)}.`);
  }
  requireInteger(`${what}.rows`, value.rows, 0, MAX_SIDE);
  requireInteger(`${what}.cols`, value.cols, 0, MAX_SIDE);
  if (data.length !== value.rows * value.cols) {
    throw invalidData(`${what}.data`, `has ${data.length} numbers, but ${value.rows} rows of ${value.cols} columns.`);
  }
  if ((rows !== undefined && value.rows !== rows) || (cols !== undefined && value.cols !== cols)) {
    throw invalidData(
      what,
      `must be [${rows ?? 'any'}, ${cols ?? 'any'}], got [${value.rows}, ${value.cols}].`,
      FROM_TRACE,
    );
  }
}

/** Throws `INVALID_DATA` unless `values` is a list of numbers, which may be NaN; `length` of them, if that is given. */
export function requireNumbers(what: string, values: unknown, length?: number): asserts values is ArrayLike<number> {
  requireList(what, values);
  const wrong = Array.isArray(values) ? Array.from<unknown>(values).findIndex((v) => typeof v !== 'number') : -1;
  if (wrong >= 0) throw invalidData(`${what}[${wrong}]`, `must be a number, got ${shown(values[wrong])}.`);
  if (length !== undefined && values.length !== length) {
    throw invalidData(what, `must have ${length} numbers, got ${values.length}.`);
  }
}
