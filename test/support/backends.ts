import type { Kernels, Precision } from '../../src/core/kernels.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm, wasmVariant } from '../../src/kernels/wasm/index.js';

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
