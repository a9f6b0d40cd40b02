/** Layer normalization (Ba et al. 2016) and its derivative; docs/derivation.md derives it (tag N1). */
import { type LayerNorm, type LayerNormGrad, LN_EPSILON, type Matrix } from '../../contract/kernels.js';
import { dense } from './dense.js';

/** (N1) n = (a - mean) r, r = 1 / sqrt(variance + eps);  out = gain n + bias; over each row. */
export function layerNorm(out: Matrix, { a, stats, gain, bias }: LayerNorm, accumulate: boolean): void {
  const [o, s, x, g, b] = [dense(out), dense(stats), dense(a), dense(gain), dense(bias)];
  const C = a.cols;
  for (let r = 0; r < a.rows; r++) {
    const at = r * C;
    let mean = 0;
    for (let c = 0; c < C; c++) mean += x[at + c]!;
    mean /= C;
    let variance = 0;
    for (let c = 0; c < C; c++) variance += (x[at + c]! - mean) ** 2;
    const root = 1 / Math.sqrt(variance / C + LN_EPSILON);
    s[2 * r] = mean;
    s[2 * r + 1] = root;
    for (let c = 0; c < C; c++) {
      o[at + c] = (accumulate ? o[at + c]! : 0) + g[c]! * (x[at + c]! - mean) * root + b[c]!;
    }
  }
}

/**
 * (N1') dbias += dout;  dgain += dout n;  with dn = dout gain:
 *   da = r (dn - mean(dn) - n mean(dn n)), because the mean and r depend on every a of the row.
 */
export function layerNormGrad(
  d: LayerNormGrad,
  dout: Matrix,
  { a, stats, gain }: LayerNorm,
  accumulate: boolean,
): void {
  const [da, dg, db] = [dense(d.a), dense(d.gain), dense(d.bias)];
  const [dy, s, x, g] = [dense(dout), dense(stats), dense(a), dense(gain)];
  const C = a.cols;
  for (let r = 0; r < a.rows; r++) {
    const at = r * C;
    let mean = 0; // recomputed, because stats holds the rounded mean
    for (let c = 0; c < C; c++) mean += x[at + c]!;
    mean /= C;
    const root = s[2 * r + 1]!;
    let sum = 0;
    let along = 0;
    for (let c = 0; c < C; c++) {
      const n = (x[at + c]! - mean) * root;
      const dn = dy[at + c]! * g[c]!;
      dg[c] = dg[c]! + dy[at + c]! * n;
      db[c] = db[c]! + dy[at + c]!;
      sum += dn;
      along += dn * n;
    }
    for (let c = 0; c < C; c++) {
      const n = (x[at + c]! - mean) * root;
      const now = root * (dy[at + c]! * g[c]! - sum / C - (n * along) / C);
      da[at + c] = (accumulate ? da[at + c]! : 0) + now;
    }
  }
}
