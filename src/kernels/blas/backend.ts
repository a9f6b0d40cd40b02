import type { BackendEntry } from '../shared/backend.js';
import { wasm } from '../wasm/backend.js';

/** The registry's entry of the native BLAS. Creating the backend loads its code. */
export const blas = {
  ...wasm,
  create: async (options) => (await import('./index.js')).createBlas(options),
} as const satisfies BackendEntry;
