/** Compares the products of the library with those of the wasm backend, and times both. */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { cannot } from './library.js';

type Products = Pick<Kernels, 'gemm' | 'allocPacked' | 'pack' | 'gemmPacked' | 'free'>;

/** Sizes that are not multiples of a block or a register, with more rows and with more columns. */
const SIZES = [
  [83, 37, 45],
  [29, 131, 41],
] as const;

/** Largest difference, in parts of the largest element. Rounding makes 1e-6. */
const TOLERANCE = 1e-5;

/** Numbers whose bits differ from element to element. */
function waved(k: Kernels, rows: number, cols: number, phase: number): Matrix {
  const m = k.alloc(rows, cols);
  k.upload(
    m,
    Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i * 1.37 + phase)),
  );
  return m;
}

/** Throws `INVALID_SETTING` if products of the library are wrong. @param k the backend whose memory both use. */
export function verify(k: Kernels, native: Products, wasm: Products, title: string): void {
  for (const [R, C, K] of SIZES) {
    for (let flags = 0; flags < 8; flags++) {
      const options = { transA: (flags & 1) !== 0, transB: (flags & 2) !== 0, accumulate: (flags & 4) !== 0 };
      const a = waved(k, options.transA ? K : R, options.transA ? R : K, 1);
      const b = waved(k, options.transB ? C : K, options.transB ? K : C, 2);
      const results = [native, wasm].map((products) => {
        const out = waved(k, R, C, 3);
        products.gemm(out, a, b, options);
        const values = Float32Array.from(k.host(out)!);
        k.free(out);
        return values;
      });
      for (const m of [a, b]) k.free(m);
      if (!isClose(results[0]!, results[1]!)) {
        throw cannot(`computes wrong products with ${title}.`, 'Use backend: "wasm", or another library.');
      }
    }
  }
}

function isClose(values: Float32Array, expected: Float32Array): boolean {
  const limit = TOLERANCE * expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  return values.every((v, i) => Math.abs(v - expected[i]!) <= limit);
}

const TRIAL_MS = 60;
/** On a busy machine, the time is over before either has run undisturbed. */
const MIN_ROUNDS = 10;
/** A product of the time loop. */
const [ROWS, COLS, DEPTH] = [32, 256, 100];

/** How many times as fast the products of the library are, in a trial. */
export function gainOf(k: Kernels, native: Products, wasm: Products, now = () => performance.now()): number {
  const [a, b, out] = [waved(k, ROWS, DEPTH, 1), waved(k, DEPTH, COLS, 2), k.alloc(ROWS, COLS)];
  const packed = native.allocPacked(DEPTH, COLS);
  const plain = wasm.allocPacked(DEPTH, COLS);
  native.pack(packed, b, false);
  wasm.pack(plain, b, false);
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
  const round = (i: 0 | 1, products: Products, right: typeof packed): void => {
    const start = now();
    for (let n = 0; n < 8; n++) products.gemmPacked(out, a, right, false);
    best[i] = Math.min(best[i], now() - start);
  };
  // In turns, so that other load affects both equally, and until the optimizing compiler has compiled the WebAssembly.
  const end = now() + TRIAL_MS;
  for (let rounds = 0; rounds < MIN_ROUNDS || now() < end; rounds++) {
    round(0, native, packed);
    round(1, wasm, plain);
  }
  for (const m of [a, b, out]) k.free(m);
  native.free(packed);
  wasm.free(plain);
  return best[1] / best[0];
}
