/** The SIMD WebAssembly backend, in each variant that this engine runs, passes the suite that every backend passes. */
import { createWasm, wasmVariant } from '../../src/kernels/wasm/index.js';
import { describeConformance } from './conformance.js';

describeConformance('wasm', () => createWasm('simd'), { float32: 1e-5 });
if (wasmVariant() === 'relaxed') describeConformance('wasm', () => createWasm('relaxed'), { float32: 1e-5 });
