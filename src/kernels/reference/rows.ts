/** Instructions on rows and columns. */
import type { ColumnRange, Matrix } from '../../contract/kernels.js';
import { dense } from './dense.js';

export function fillRows(out: Matrix, row: Matrix): void {
  const o = dense(out);
  const source = dense(row);
  for (let at = 0; at < o.length; at += out.cols) o.set(source, at);
}

export function sumRows(out: Matrix, a: Matrix): void {
  const sums = dense(out);
  const v = dense(a);
  const C = a.cols;
  for (let r = 0; r < a.rows; r++) {
    for (let c = 0; c < C; c++) sums[c] = sums[c]! + v[r * C + c]!;
  }
}

export function gatherRows(out: Matrix, table: Matrix, ids: Int32Array): void {
  const o = dense(out);
  const t = dense(table);
  const C = out.cols;
  for (let r = 0; r < out.rows; r++) {
    const from = ids[r]! * C;
    for (let c = 0; c < C; c++) o[r * C + c] = t[from + c]!;
  }
}

export function scatterAddRows(table: Matrix, ids: Int32Array, a: Matrix): void {
  const t = dense(table);
  const v = dense(a);
  const C = a.cols;
  for (let r = 0; r < a.rows; r++) {
    const to = ids[r]! * C;
    for (let c = 0; c < C; c++) t[to + c] = t[to + c]! + v[r * C + c]!;
  }
}

export function scaleRows(out: Matrix, a: Matrix, factors: Matrix, accumulate: boolean): void {
  const o = dense(out);
  const x = dense(a);
  const f = dense(factors);
  const C = out.cols;
  for (let i = 0; i < o.length; i++) o[i] = (accumulate ? o[i]! : 0) + x[i]! * f[Math.floor(i / C)]!;
}

export function copyColumns(out: Matrix, a: Matrix, { from, to, count }: ColumnRange, accumulate: boolean): void {
  const o = dense(out);
  const x = dense(a);
  for (let r = 0; r < out.rows; r++) {
    for (let c = 0; c < count; c++) {
      const at = r * out.cols + to + c;
      o[at] = (accumulate ? o[at]! : 0) + x[r * a.cols + from + c]!;
    }
  }
}
