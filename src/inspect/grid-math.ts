/** Sums over the rows of grids. A page that shows a trace calculates them without a backend, which would add 10 KB to it. */
import { LN_EPSILON } from '../contract/constants.js';
import { type Grid, grid, rowOf } from './grid.js';

const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

/** a (R,K) times b' (C,K). */
export function timesTransposed(a: Grid, b: Grid): Grid {
  const out = grid(a.rows, b.rows);
  for (let r = 0; r < a.rows; r++) {
    const row = rowOf(a, r);
    for (let c = 0; c < b.rows; c++) {
      const other = rowOf(b, c);
      for (let k = 0; k < a.cols; k++) out.data[r * b.rows + c]! += row[k]! * other[k]!;
    }
  }
  return out;
}

/** (a - mean) / sqrt(variance + epsilon) of each row: layer normalization (N1) before its gain and bias. */
export function normalized(a: Grid): Grid {
  const out = grid(a.rows, a.cols);
  for (let r = 0; r < a.rows; r++) {
    const row = rowOf(a, r);
    const mean = sum(row) / a.cols;
    const deviations = Float64Array.from(row, (value) => value - mean);
    const variance = sum(deviations.map((d) => d * d)) / a.cols;
    rowOf(out, r).set(deviations.map((d) => d / Math.sqrt(variance + LN_EPSILON)));
  }
  return out;
}
