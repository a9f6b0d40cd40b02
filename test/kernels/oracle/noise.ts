/** What the generator and the normalization should give: Philox in whole numbers of any size. */
import type { NoiseKey } from '../../../src/contract/kernels.js';
import type { Numbers } from './products.js';

const MASK = 0xffffffffn;

/** Philox4x32-10 (Salmon et al. 2011), as the paper writes it. */
export function philox(counter: readonly bigint[], key: readonly bigint[]): bigint[] {
  let [x0, x1, x2, x3] = counter as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const [a, b] = [0xd2511f53n * x0, 0xcd9e8d57n * x2];
    [x0, x1, x2, x3] = [((b >> 32n) ^ x1 ^ k0) & MASK, b & MASK, ((a >> 32n) ^ x3 ^ k1) & MASK, a & MASK];
    k0 = (k0 + 0x9e3779b9n) & MASK;
    k1 = (k1 + 0xbb67ae85n) & MASK;
  }
  return [x0, x1, x2, x3];
}

export function words({ seed, update, stream }: NoiseKey, count: number): number[] {
  return Array.from({ length: count }, (_, e) => {
    const counter = [BigInt(e >> 2), BigInt(update), 0n, 0n];
    return Number(philox(counter, [BigInt(seed), BigInt(stream)])[e & 3]);
  });
}

/** Each row, less its mean, over its deviation. */
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

/** By the Jacobian of one row, written out: dn_j / da_k = r ([j = k] - 1/C - n_j n_k / C). */
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
