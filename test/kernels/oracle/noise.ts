/** The expected random numbers: Philox with integers of arbitrary size. */
import type { NoiseKey } from '../../../src/contract/kernels.js';

const MASK = 0xffffffffn;

/** Philox4x32-10 (Salmon et al. 2011), as defined in the paper. */
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

/** The random words of the first `count` elements of a mask. */
export function words({ seed, update, stream }: NoiseKey, count: number): number[] {
  return Array.from({ length: count }, (_, e) => {
    const counter = [BigInt(e >> 2), BigInt(update), 0n, 0n];
    return Number(philox(counter, [BigInt(seed), BigInt(stream)])[e & 3]);
  });
}
