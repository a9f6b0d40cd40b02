/** The expected results of a product: in float64, with plain loops over lists, from the definitions and independent of every backend. */
import type { GemmOptions } from '../../../src/contract/kernels.js';

export type Numbers = readonly number[];

/** A (R,K) B (K,C), each operand transposed or not; added to `before` if it is given. */
export function product(R: number, K: number, C: number, a: Numbers, b: Numbers, o: GemmOptions, before?: Numbers) {
  const A = (r: number, k: number): number => (o.transA ? a[k * R + r]! : a[r * K + k]!);
  const B = (k: number, c: number): number => (o.transB ? b[c * K + k]! : b[k * C + c]!);
  const out: number[] = [];
  for (let r = 0; r < R; r++) {
    for (let c = 0; c < C; c++) {
      let sum = before ? before[r * C + c]! : 0;
      for (let k = 0; k < K; k++) sum += A(r, k) * B(k, c);
      out.push(sum);
    }
  }
  return out;
}
