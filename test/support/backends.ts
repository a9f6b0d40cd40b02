import type { Kernels, Precision } from '../../src/contract/kernels.js';
import { type BlasOptions, startBlas } from '../../src/kernels/blas/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import type { Thresholds } from '../../src/kernels/wasm/context.js';
import { createWasm, type WasmVariant, wasmVariant } from '../../src/kernels/wasm/index.js';
import { HAS_BLAS } from './machine.js';

/** Thresholds at which every instruction is shared. */
export const SHARE_ALL: Thresholds = { product: 0, rowProduct: 0, cell: 0, elements: 0, rows: 1 };

/** A wasm backend whose threads stand ready, so that all of its work is shared from the start. */
export const threadedWasm = async (variant: WasmVariant, threads: number): Promise<Kernels> =>
  running(await createWasm(variant, { threads, thresholds: SHARE_ALL }), threads);

/** A blas backend with all instructions. */
export async function createBlas(options: BlasOptions = {}): Promise<Kernels> {
  const k = await startBlas(options);
  await k.loadVariants!();
  return k;
}

/** A backend that shares everything, once its threads stand ready. */
export async function running(k: Kernels, threads: number): Promise<Kernels> {
  const [out, a, b] = [k.alloc(4, 4), k.alloc(4, 4), k.alloc(4, 4)];
  for (let wait = 0; k.threads !== threads && wait < 5000; wait++) {
    k.gemm(out, a, b); // the first piece of work starts them
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const m of [out, a, b]) k.free(m);
  if (k.threads !== threads) throw new Error(`requested ${threads} threads, but ${k.threads} are running`);
  return k;
}

export interface TestBackend {
  readonly name: string;
  readonly precision: Precision;
  create(): Promise<Kernels>;
}

/** Every backend that this engine runs, in every precision and variant that it has: for tests of the engine above it. */
export const BACKENDS: readonly TestBackend[] = [
  { name: 'reference', precision: 'float64', create: async () => createReference('float64') },
  { name: 'reference', precision: 'float32', create: async () => createReference('float32') },
  { name: 'wasm simd', precision: 'float32', create: () => createWasm('simd') },
  ...(wasmVariant() === 'relaxed'
    ? [{ name: 'wasm relaxed', precision: 'float32' as const, create: () => createWasm('relaxed') }]
    : []),
];

/** The same, and the products of a native library, if this machine has one. For tests of what the engine computes. */
export const BACKENDS_AND_BLAS: readonly TestBackend[] = [
  ...BACKENDS,
  ...(HAS_BLAS ? [{ name: 'blas', precision: 'float32' as const, create: () => createBlas({ minimum: 1 }) }] : []),
];
