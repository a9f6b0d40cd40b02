import type { BackendEntry } from '../shared/backend.js';
import { startWasm, type WasmVariant, wasmProblem, wasmVariant } from './index.js';

/** The registry's entry of the WebAssembly backend. */
export const wasm = {
  precisions: ['float32'],
  hasThreads: true,
  unavailable: () => (wasmVariant() ? null : wasmProblem()),
  variant: wasmVariant,
  create: ({ variant, threads, fallsBack }) => startWasm(variant as WasmVariant, { threads, fallsBack }),
} as const satisfies BackendEntry;
