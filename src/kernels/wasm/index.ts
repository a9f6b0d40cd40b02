/**
 * The wasm backend: the instructions in SIMD WebAssembly, float32. It runs wherever WebAssembly has SIMD and shared memory:
 * Node, Deno, Bun and browsers. The kernels are in assembly/ (AssemblyScript); instructions/ passes them addresses.
 */
import type { Kernels } from '../../contract/kernels.js';
import { moduleOf, type WasmVariant } from './binaries.js';
import { createContext, SHARE_ALL, THRESHOLDS } from './context.js';
import type { WasmExports } from './exports.js';
import { Heap } from './heap.js';
import { cell } from './instructions/cell.js';
import { cellHalves } from './instructions/cell-halves.js';
import { elements } from './instructions/elements.js';
import { losses } from './instructions/losses.js';
import { memory } from './instructions/memory.js';
import { noise } from './instructions/noise.js';
import { norm } from './instructions/norm.js';
import { products } from './instructions/products.js';
import { rows } from './instructions/rows.js';
import { updates } from './instructions/updates.js';
import { SingleThread } from './threads/single.js';

export { useVariant, type WasmVariant, wasmProblem, wasmVariant } from './binaries.js';

/** Options of the wasm backend. */
export interface WasmOptions {
  /** Number of threads that share the work, including this one. Default 1. */
  readonly threads?: number;
  /** Whether this thread works alone if the others cannot start. Default false: that is an error. */
  readonly fallsBack?: boolean;
  /** Share every instruction, however small it is. For tests. Default false. */
  readonly shareAll?: boolean;
  /** Maximum size of the memory in bytes, in whole pages of 64 KiB. Default and maximum: 4 GiB. */
  readonly capacity?: number;
}

/** Creates a wasm backend with its own memory. */
export async function createWasm(variant: WasmVariant, options: WasmOptions = {}): Promise<Kernels> {
  const { threads: size = 1, fallsBack = false, shareAll = false, capacity } = options;
  const module = await moduleOf(variant);
  const heap = new Heap(capacity);
  const { log, cos, sin } = Math;
  const { exports } = await WebAssembly.instantiate(module, { env: { memory: heap.memory, log, cos, sin } });
  const wasm = exports as unknown as WasmExports;
  const scratch = heap.alloc(4 * wasm.scratchFloats());
  const single = new SingleThread(heap, wasm, scratch);
  const threads =
    size > 1
      ? new (await import('./threads/pool.js')).ThreadPool(heap, wasm, module, { size, scratch, single, fallsBack })
      : single;
  const context = createContext(heap, wasm, threads, shareAll ? SHARE_ALL : THRESHOLDS);
  const instructions = {
    ...products(context),
    ...rows(context),
    ...elements(context),
    ...cell(context),
    ...cellHalves(context),
    ...norm(context),
    ...noise(context),
    ...losses(context),
    ...updates(context),
  };
  return {
    name: 'wasm',
    variant,
    get threads() {
      return threads.running;
    },
    get threadsReason() {
      return threads.problem ?? undefined;
    },
    precision: 'float32',
    dispose: () => threads.dispose(),
    ...memory(context, { overhead: heap.inUse, threads: size }),
    ...instructions,
  };
}
