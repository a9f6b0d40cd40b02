import type { BackendEntry } from '../shared/backend.js';
import { wasm } from '../wasm/backend.js';
import { wasmVariant } from '../wasm/index.js';

/** The registry's entry of the native BLAS. Creating the backend loads its code. */
export const blas = {
  precisions: ['float32'],
  hasThreads: true,
  unavailable: () => wasm.unavailable(),
  variant: wasmVariant,
  create: async (options) => (await import('./index.js')).createBlas(options),
} as const satisfies BackendEntry;
