/**
 * The wasm backend: the same instructions in SIMD WebAssembly, float32. The kernels are in assembly/ (AssemblyScript); this
 * file gives them addresses. It runs wherever WebAssembly has SIMD and threads' shared memory: Node, Deno, Bun, browsers.
 */
import type { BackendMemory, Kernels } from '../../contract/kernels.js';
import { moduleOf, type WasmVariant } from './binaries.js';
import type { WasmExports } from './exports.js';
import { Heap } from './heap.js';
import { cell } from './instructions/cell.js';
import { cellHalves } from './instructions/cell-halves.js';
import { losses } from './instructions/losses.js';
import { noise } from './instructions/noise.js';
import { products } from './instructions/products.js';
import { rows } from './instructions/rows.js';
import { updates } from './instructions/updates.js';
import { ANYTHING, makeReach, type Reach, type WasmMatrix, type WasmPacked, WORTH_SHARING } from './reach.js';
import { ALONE } from './threads/crew.js';

export { useVariant, type WasmVariant, wasmVariant } from './binaries.js';

export interface WasmOptions {
  /** Threads that share the work, this one included. Default 1. */
  readonly threads?: number;
  /** Share work however small it is: for tests. Default false. */
  readonly shareAll?: boolean;
  /** The most bytes of memory, in whole pages of 64 KiB. Default, and most: 4 GiB. */
  readonly capacity?: number;
}

/** Gives each caller a memory of its own. */
export async function createWasm(variant: WasmVariant, options: WasmOptions = {}): Promise<Kernels> {
  const { threads = 1, shareAll = false, capacity } = options;
  const module = await moduleOf(variant);
  const heap = new Heap(capacity);
  const env = { memory: heap.memory, log: Math.log };
  const { exports } = await WebAssembly.instantiate(module, { env });
  const x = exports as unknown as WasmExports;
  const edge = heap.alloc(4 * x.scratchFloats());
  const own = heap.inUse;
  const team = threads > 1 ? new (await import('./threads/pool.js')).Team(heap, x, module, threads, edge) : ALONE;
  const reach = makeReach(heap, x, team, edge, shareAll ? ANYTHING : WORTH_SHARING);
  return kernelsOver(variant, reach, {
    capacity: heap.capacity,
    inUse: () => heap.inUse,
    rules: async () => (await import('./instructions/memory.js')).memoryRules(reach, own, threads),
  });
}

function kernelsOver(variant: WasmVariant, reach: Reach, memory: BackendMemory): Kernels {
  const { heap, team, window, alone, host, handOut, takeBack } = reach;
  return {
    name: 'wasm',
    variant,
    get threads() {
      return team.running;
    },
    precision: 'float32',
    memory,
    alloc: (rows, cols) =>
      alone(() => {
        const at = heap.alloc(4 * rows * cols);
        return handOut<WasmMatrix>({ rows, cols, at, base: at });
      }),
    view: (base, offset, rows, cols): WasmMatrix => {
      const { at, base: block } = window(base);
      return { rows, cols, at: at + 4 * offset, base: block };
    },
    free: (m) => alone(() => takeBack(m as WasmMatrix | WasmPacked)),
    upload: (out, data) => host(out).set(data),
    download: async (a) => new Float32Array(host(a)),
    host,
    dispose: () => team.dispose(),
    ...products(reach),
    ...rows(reach),
    ...cell(reach),
    ...cellHalves(reach),
    ...noise(reach),
    ...losses(reach),
    ...updates(reach),
  };
}
