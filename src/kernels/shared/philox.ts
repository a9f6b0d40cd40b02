/**
 * Philox4x32-10 (Salmon et al. 2011) computes four random words from a counter and a key, without a state. Every backend can
 * therefore recompute a mask from (seed, update, stream).
 */
import { blockOf, type MaskKey, type NoiseKey } from '../../contract/kernels.js';

const [M0, M1] = [0xd2511f53, 0xcd9e8d57];
const [W0, W1] = [0x9e3779b9, 0xbb67ae85];
const ROUNDS = 10;

const { imul } = Math; // looking up a global is slow in some engines

/** The upper half of the 64-bit product of two 32-bit words, from 16-bit halves. */
function mulHigh(a: number, b: number): number {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16); // under 2^32 each, so exact in a double
  const carry = a0 * b1 + (middle % 65536);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** Writes four random words, from 0 to 2^32 - 1, into `out`. */
export function philox(out: Uint32Array, counter: readonly [number, number, number, number], k0: number, k1: number) {
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = [mulHigh(M0, c0), imul(M0, c0)];
    const [high1, low1] = [mulHigh(M1, c2), imul(M1, c2)];
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Calls `use` with each index from 0 to `count` - 1 and its random word. */
export function eachWord(
  { seed, update, stream, offset = 0 }: MaskKey,
  count: number,
  use: (e: number, word: number) => void,
): void {
  const words = new Uint32Array(4);
  let [block, word] = blockOf(offset);
  for (let e = 0; e < count; e++) {
    if (word === 0 || e === 0) philox(words, [block, update, 0, 0], seed, stream);
    use(e, words[word++]!);
    if (word === 4) [block, word] = [block + 1, 0];
  }
}

/** values[e] += std * N(0, 1) (Box & Muller 1958). Two words give two numbers. */
export function addNormalsTo(values: { [e: number]: number; readonly length: number }, key: NoiseKey, std: number) {
  let radius = 0;
  eachWord(key, values.length + (values.length & 1), (e, word) => {
    const u = (word + 0.5) / 2 ** 32; // never 0
    if ((e & 1) === 0) {
      radius = Math.sqrt(-2 * Math.log(u));
      return;
    }
    values[e - 1] = values[e - 1]! + std * radius * Math.cos(2 * Math.PI * u);
    if (e < values.length) values[e] = values[e]! + std * radius * Math.sin(2 * Math.PI * u);
  });
}
