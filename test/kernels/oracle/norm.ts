/** The expected results of layer normalization. */
import type { Numbers } from './products.js';

/** Each row minus its mean, divided by its standard deviation; and the statistics of each row. */
export function normalized(rows: number, cols: number, a: Numbers) {
  const out = { n: [] as number[], stats: [] as number[] };
  for (let r = 0; r < rows; r++) {
    const row = a.slice(r * cols, (r + 1) * cols);
    const mean = row.reduce((x, y) => x + y, 0) / cols;
    const variance = row.reduce((x, y) => x + (y - mean) ** 2, 0) / cols;
    const root = 1 / Math.sqrt(variance + 1e-5);
    out.n.push(...row.map((v) => (v - mean) * root));
    out.stats.push(mean, root);
  }
  return out;
}

/** The gradient by the Jacobian of a row: dn_j / da_k = r ([j = k] - 1/C - n_j n_k / C). */
export function normalizedGrad(rows: number, cols: number, a: Numbers, gain: Numbers, dout: Numbers): number[] {
  const { n, stats } = normalized(rows, cols, a);
  const da: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < cols; k++) {
      let sum = 0;
      for (let j = 0; j < cols; j++) {
        const slope = (j === k ? 1 : 0) - 1 / cols - (n[r * cols + j]! * n[r * cols + k]!) / cols;
        sum += dout[r * cols + j]! * gain[j]! * stats[2 * r + 1]! * slope;
      }
      da.push(sum);
    }
  }
  return da;
}
