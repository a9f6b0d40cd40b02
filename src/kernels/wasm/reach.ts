/** What every family of instructions needs to call the module: addresses, the threads, and rooms that are kept. */
import type { FloatArray, Matrix, PackedMatrix } from '../../contract/kernels.js';
import type { WasmExports } from './exports.js';
import type { Heap } from './heap.js';
import type { Crew, Window } from './threads/crew.js';

/** A window of the heap, and the view that was made of it, if one was. */
export interface WasmMatrix extends Matrix, Window {
  data?: Float32Array;
}

export interface WasmPacked extends PackedMatrix {
  readonly at: number;
}

/**
 * Work below these is done by one thread: waking and waiting for the others would cost more than they save. In
 * multiply-adds for products (those of the time loop, row by row, need no waiting, so they pay sooner), units for the
 * cell, elements for the rest. Measured on two cores by `npm run bench -- threads`.
 */
export const WORTH_SHARING = { product: 2 ** 23, rowProduct: 2 ** 20, cell: 2 ** 11, elements: 2 ** 16, rows: 8 };
export const ANYTHING = { product: 0, rowProduct: 0, cell: 0, elements: 0, rows: 1 };

export interface Reach {
  readonly heap: Heap;
  readonly x: WasmExports;
  readonly team: Crew;
  readonly least: typeof WORTH_SHARING;
  /** Room for the ragged end of a product of this thread. */
  readonly edge: number;
  window(m: Matrix): WasmMatrix;
  /** Address of the first element; 0 for no matrix. */
  at(m: Matrix | null | undefined): number;
  count(m: Matrix): number;
  /** Runs `act` in this thread, once the others have done all they were given. */
  alone<T>(act: () => T): T;
  /** Remembers that this handle stands for a block, so that `takeBack` takes it once, and not for a view of it. */
  handOut<M extends { readonly at: number }>(made: M): M;
  takeBack(m: { readonly at: number }): void;
  /** Floats of the panels of a K x C matrix. */
  panelFloats(K: number, C: number): number;
  /** The live numbers. */
  host(m: Matrix): FloatArray;
  /** Puts numbers from outside where the kernels can read them, until the next call of the same; 0 for none. */
  integers(values: Int32Array): number;
  floats(values: readonly number[] | undefined): number;
}

/** A block that grows to the largest size asked for and is kept: a training step allocates nothing. */
export function scratch(heap: Heap, team: Crew): (bytes: number) => number {
  let at = 0;
  let size = 0;
  return (bytes) => {
    if (bytes > size) {
      team.settle(); // others may still work in it
      heap.release(at);
      at = size = 0; // nothing is left to use where the next line throws
      at = heap.alloc(bytes);
      size = bytes;
    }
    return at;
  };
}

/** Room that numbers from outside are put in: the address, until the next call; 0 for none. */
export function placer(heap: Heap, team: Crew): (values: ArrayLike<number> | null | undefined) => number {
  const room = scratch(heap, team);
  return (values) => {
    if (!values) return 0;
    const address = room(4 * values.length);
    new Float32Array(heap.memory.buffer, address, values.length).set(values);
    return address;
  };
}

export function makeReach(heap: Heap, x: WasmExports, team: Crew, edge: number, least: typeof WORTH_SHARING): Reach {
  const window = (m: Matrix): WasmMatrix => m as WasmMatrix;
  const count = (m: Matrix): number => m.rows * m.cols;
  const out = new WeakSet<object>();
  const numbers = scratch(heap, team);
  return {
    heap,
    x,
    team,
    least,
    edge,
    window,
    at: (m) => (m ? window(m).at : 0),
    count,
    alone(act) {
      team.settle();
      return act();
    },
    handOut(made) {
      out.add(made);
      return made;
    },
    takeBack(m) {
      if (out.delete(m)) heap.release(m.at);
    },
    panelFloats: (K, C) => K * x.panelFloats(1, C), // not (K, C): the module's 32 bits overflow before the memory ends
    host(m) {
      team.settle();
      const own = window(m);
      return (own.data ??= new Float32Array(heap.memory.buffer, own.at, count(m)));
    },
    integers(values) {
      const address = numbers(4 * values.length);
      new Int32Array(heap.memory.buffer, address, values.length).set(values);
      return address;
    },
    floats: placer(heap, team),
  };
}
