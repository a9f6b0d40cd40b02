/** What the instructions of every family need to call the module. */
import type { FloatArray, Matrix, PackedMatrix } from '../../contract/kernels.js';
import type { WasmExports } from './exports.js';
import type { Heap } from './heap.js';
import { CellWord } from './layout.js';
import type { Threads, Window } from './threads/single.js';

export interface WasmMatrix extends Window {
  /** A view of the numbers, once `host` has made one. */
  data: Float32Array | undefined;
}

export interface WasmPacked extends PackedMatrix {
  /** Address of the panels. */
  readonly at: number;
}

/**
 * The sizes from which threads share an instruction. Below them, waking the other threads and waiting for them costs more than
 * it saves. In multiply-adds for products (`rowProduct`: those of the time loop, which need no barrier), in units for the
 * cell, and in elements for the rest. Measured on two cores with `npm run bench -- threads`.
 */
export const THRESHOLDS = { product: 2 ** 23, rowProduct: 2 ** 20, cell: 2 ** 11, elements: 2 ** 16, rows: 8 };
export type Thresholds = typeof THRESHOLDS;

export interface WasmContext {
  readonly heap: Heap;
  readonly wasm: WasmExports;
  readonly threads: Threads;
  readonly thresholds: Thresholds;
  /** The address of the arguments of the cell's halves (CellWord in layout.ts). */
  readonly record: number;
  /** The address of the first element; 0 for no matrix. */
  at(m: Matrix | null | undefined): number;
  /** The number of elements. */
  count(m: Matrix): number;
  /** Calls `act` after all threads have finished all commands. */
  afterBarrier<T>(act: () => T): T;
  /** Records that a handle owns its block, so that `release` frees the block once, and never through a view. */
  own<M extends { readonly at: number }>(handle: M): M;
  release(handle: { readonly at: number }): void;
  /** The number of floats in the panels of a K x C matrix. */
  panelFloats(K: number, C: number): number;
  /** The live numbers of a matrix. */
  host(m: Matrix): FloatArray;
  /** Copies integers into memory, where they stay until the next call, and returns their address. */
  integers(values: Int32Array): number;
  /** Copies numbers into memory, where they stay until the next call, and returns their address; 0 for undefined. */
  floats(values: readonly number[] | undefined): number;
}

/** Returns a function that provides a workspace of at least `bytes`: it grows to the largest size and is kept. */
export function workspace(heap: Heap, threads: Threads): (bytes: number) => number {
  let at = 0;
  let size = 0;
  return (bytes) => {
    if (bytes > size) {
      threads.barrier(); // other threads may still use it
      heap.release(at);
      at = size = 0; // in case `alloc` throws
      at = heap.alloc(bytes);
      size = bytes;
    }
    return at;
  };
}

/** Returns a function that copies numbers into a workspace and returns its address; 0 for null or undefined. */
export function floatWorkspace(heap: Heap, threads: Threads): (values: ArrayLike<number> | null | undefined) => number {
  const take = workspace(heap, threads);
  return (values) => {
    if (!values) return 0;
    const address = take(4 * values.length);
    new Float32Array(heap.memory.buffer, address, values.length).set(values);
    return address;
  };
}

export function createContext(heap: Heap, wasm: WasmExports, threads: Threads, thresholds: Thresholds): WasmContext {
  const count = (m: Matrix): number => m.rows * m.cols;
  /** The handle that owns the block at each address. */
  const owners = new Map<number, object>();
  const ids = workspace(heap, threads);
  return {
    heap,
    wasm,
    threads,
    thresholds,
    record: heap.alloc(4 * CellWord.count),
    at: (m) => (m ? (m as WasmMatrix).at : 0),
    count,
    afterBarrier(act) {
      threads.barrier();
      return act();
    },
    own(handle) {
      owners.set(handle.at, handle);
      return handle;
    },
    release(handle) {
      const { at } = handle;
      if (owners.get(at) !== handle) return;
      owners.delete(at);
      heap.release(at);
    },
    panelFloats: (K, C) => K * wasm.panelFloats(1, C), // not (K, C), which overflows the module's 32-bit integers
    host(m) {
      threads.barrier();
      const matrix = m as WasmMatrix;
      return (matrix.data ??= new Float32Array(heap.memory.buffer, matrix.at, count(m)));
    },
    integers(values) {
      const address = ids(4 * values.length);
      new Int32Array(heap.memory.buffer, address, values.length).set(values);
      return address;
    },
    floats: floatWorkspace(heap, threads),
  };
}
