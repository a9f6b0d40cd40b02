import type { BackendEntry } from '../shared/backend.js';
import { createWasm, type WasmVariant, wasmVariant } from './index.js';

/** The registry's entry of the WebAssembly backend. */
export const wasm = {
  precisions: ['float32'],
  modes: [],
  measuredModes: [null],
  automatic: true,
  hasThreads: true,
  unavailable: () => (wasmVariant() ? null : 'this JavaScript engine has no WebAssembly SIMD.'),
  variant: wasmVariant,
  create: ({ variant, threads }) => createWasm(variant as WasmVariant, { threads }),
} as const satisfies BackendEntry;
