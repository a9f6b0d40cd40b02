import type { Kernels, Precision } from '../../src/contract/kernels.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm, type WasmVariant, wasmVariant } from '../../src/kernels/wasm/index.js';

/** A wasm backend whose threads stand ready, so that all of its work is shared from the start. */
export async function threadedWasm(variant: WasmVariant, threads: number): Promise<Kernels> {
  const k = await createWasm(variant, { threads, shareAll: true });
  const [out, a, b] = [k.alloc(4, 4), k.alloc(4, 4), k.alloc(4, 4)];
  for (let wait = 0; k.threads === 1 && wait < 5000; wait++) {
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
