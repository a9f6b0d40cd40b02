/** Matrices as plain data. */
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';

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
