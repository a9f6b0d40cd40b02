/** Plain matrices, to be kept and posted: numbers of their own, row by row, which no backend stands behind. */
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';

/** `data[row * cols + col]`. What it holds can be cloned and posted (structured clone). */
export interface Grid {
  readonly rows: number;
  readonly cols: number;
  readonly data: FloatArray;
}

export const grid = (rows: number, cols: number, data: FloatArray = new Float64Array(rows * cols)): Grid => ({
  rows,
  cols,
  data,
});

/** One row, without a copy. */
export const rowOf = ({ data, cols }: Grid, row: number): FloatArray => data.subarray(row * cols, (row + 1) * cols);

/** One column, as a copy. */
export const columnOf = ({ data, rows, cols }: Grid, col: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, row) => data[row * cols + col]!);

export async function download(k: Kernels, m: Matrix): Promise<Grid> {
  return grid(m.rows, m.cols, await k.download(m));
}

/** The matrices one under the other. */
export async function downloadAll(k: Kernels, matrices: readonly Matrix[]): Promise<Grid> {
  const { rows, cols } = matrices[0]!;
  const parts: FloatArray[] = [];
  for (const m of matrices) parts.push(await k.download(m));
  const data = new (parts[0] instanceof Float64Array ? Float64Array : Float32Array)(rows * cols * parts.length);
  for (const [t, part] of parts.entries()) data.set(part, t * rows * cols);
  return grid(rows * parts.length, cols, data);
}

/** `count` columns from column `from` on. */
export function columns({ rows, cols, data }: Grid, from: number, count: number): Grid {
  const out = new (data instanceof Float64Array ? Float64Array : Float32Array)(rows * count);
  for (let r = 0; r < rows; r++) out.set(data.subarray(r * cols + from, r * cols + from + count), r * count);
  return grid(rows, count, out);
}

/** a (R,K) times b' (C,K), in float64. */
export function timesTransposed(a: Grid, b: Grid): Grid {
  const out = grid(a.rows, b.rows);
  for (let r = 0; r < a.rows; r++) {
    const x = rowOf(a, r);
    for (let c = 0; c < b.rows; c++) {
      const at = c * b.cols;
      let sum = 0;
      for (let k = 0; k < b.cols; k++) sum += x[k]! * b.data[at + k]!;
      out.data[r * b.rows + c] = sum;
    }
  }
  return out;
}

/** a (R,K) times b (K,C), in float64. */
export function times(a: Grid, b: Grid): Grid {
  const out = grid(a.rows, b.cols);
  for (let r = 0; r < a.rows; r++) {
    const sums = rowOf(out, r);
    for (let k = 0; k < b.rows; k++) {
      const factor = a.data[r * a.cols + k]!;
      if (factor === 0) continue;
      const at = k * b.cols;
      for (let c = 0; c < b.cols; c++) sums[c]! += factor * b.data[at + c]!;
    }
  }
  return out;
}
