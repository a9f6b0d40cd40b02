/** Layer normalization row by row in plain numbers (N1), for what a tape does not keep of it. */
import { type Grid, grid, rowOf } from './grid.js';

const EPSILON = 1e-5;

function statistics(row: ArrayLike<number>): { mean: number; scale: number } {
  let mean = 0;
  for (let j = 0; j < row.length; j++) mean += row[j]! / row.length;
  let variance = 0;
  for (let j = 0; j < row.length; j++) variance += (row[j]! - mean) ** 2 / row.length;
  return { mean, scale: 1 / Math.sqrt(variance + EPSILON) };
}

/** (a - mean) / sqrt(variance + 1e-5), before gain and bias. */
export function standardised(a: Grid): Grid {
  const out = grid(a.rows, a.cols);
  for (let r = 0; r < a.rows; r++) {
    const row = rowOf(a, r);
    const { mean, scale } = statistics(row);
    for (let j = 0; j < a.cols; j++) out.data[r * a.cols + j] = (row[j]! - mean) * scale;
  }
  return out;
}

/** dL/da where dL/d(gain * standardised(a) + bias) is `d`: scale * (n - mean n - s mean(n s)), n = gain * d. */
export function standardisedGrad(d: Grid, a: Grid, gain: Grid): Grid {
  const [out, s] = [grid(a.rows, a.cols), standardised(a)];
  for (let r = 0; r < a.rows; r++) {
    const { scale } = statistics(rowOf(a, r));
    const at = r * a.cols;
    let [mean, along] = [0, 0];
    for (let j = 0; j < a.cols; j++) {
      const n = gain.data[j]! * d.data[at + j]!;
      mean += n / a.cols;
      along += (n * s.data[at + j]!) / a.cols;
    }
    for (let j = 0; j < a.cols; j++) {
      out.data[at + j] = scale * (gain.data[j]! * d.data[at + j]! - mean - s.data[at + j]! * along);
    }
  }
  return out;
}
