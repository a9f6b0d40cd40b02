/** Layer normalization of each row (N1), with sums in double precision. kernels/reference/norm.ts has the equations. */
import { LN_EPSILON } from '../../../contract/constants';
import { bytes } from './lanes';

export function layerNorm(out: usize, stats: usize, a: usize, gain: usize, bias: usize, R: i32, C: i32, accumulate: bool): void {
  const row = bytes(C);
  for (let r = 0; r < R; r++, out += row, a += row, stats += 8) {
    let sum: f64 = 0;
    for (let c: usize = 0; c < row; c += 4) sum += <f64>f32.load(a + c);
    const mean = sum / <f64>C;
    let squares: f64 = 0;
    for (let c: usize = 0; c < row; c += 4) {
      const e = <f64>f32.load(a + c) - mean;
      squares += e * e;
    }
    const root = <f32>(1 / sqrt<f64>(squares / <f64>C + LN_EPSILON));
    f32.store(stats, <f32>mean);
    f32.store(stats + 4, root);
    for (let c: usize = 0; c < row; c += 4) {
      const n = <f32>(<f64>f32.load(a + c) - mean) * root; // the unrounded mean: rounding a large mean would lose digits
      const value = f32.load(gain + c) * n + f32.load(bias + c);
      f32.store(out + c, accumulate ? f32.load(out + c) + value : value);
    }
  }
}

export function layerNormGrad(
  da: usize, dgain: usize, dbias: usize, dout: usize, stats: usize, a: usize, gain: usize, R: i32, C: i32, accumulate: bool,
): void {
  const row = bytes(C);
  for (let r = 0; r < R; r++, da += row, dout += row, a += row, stats += 8) {
    let total: f64 = 0; // recomputed, because stats holds the rounded mean
    for (let c: usize = 0; c < row; c += 4) total += <f64>f32.load(a + c);
    const mean = total / <f64>C;
    const root = f32.load(stats + 4);
    let sum: f64 = 0;
    let along: f64 = 0;
    for (let c: usize = 0; c < row; c += 4) {
      const n = <f32>(<f64>f32.load(a + c) - mean) * root;
      const dy = f32.load(dout + c);
      const dn = dy * f32.load(gain + c);
      f32.store(dgain + c, f32.load(dgain + c) + dy * n);
      f32.store(dbias + c, f32.load(dbias + c) + dy);
      sum += <f64>dn;
      along += <f64>dn * <f64>n;
    }
    const meanDn = <f32>(sum / <f64>C);
    const meanAlong = <f32>(along / <f64>C);
    for (let c: usize = 0; c < row; c += 4) {
      const n = <f32>(<f64>f32.load(a + c) - mean) * root;
      const now = root * (f32.load(dout + c) * f32.load(gain + c) - meanDn - n * meanAlong);
      f32.store(da + c, accumulate ? f32.load(da + c) + now : now);
    }
  }
}
