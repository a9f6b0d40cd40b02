/** Calls the library from one thread. */
import type { Koffi } from '../../native/koffi.js';
import type { HostCommand } from '../wasm/host.js';
import type { Setting } from './library.js';

/** What each thread needs to call the library: plain data, which is sent to it. */
export interface OpenSettings {
  /** The path of koffi. */
  readonly koffi: string;
  /** The path of the library. */
  readonly library: string;
  readonly settings: readonly Setting[];
  /** The function for products, and the types of its parameters. */
  readonly name: string;
  readonly parameters: readonly string[];
  /** The word of a command at which its arguments start. */
  readonly arguments: number;
}

/**
 * Opens the library in the calling thread, and returns what performs a product: a command with the arguments out, R, C, a, b, K and flags
 * (1: add to out, 2: A', 4: B'). It is passed to workers as source text and uses only its arguments and globals.
 *
 * The library chooses its kernels by the size of a product, so its results depend on how a product is cut. The longer side of the result
 * is therefore cut into blocks that depend on its length alone, and each thread computes some of the blocks: the same calls, in the same
 * sizes, for any number of threads.
 *
 * The addresses are not checked here: products.ts checks those of the whole product. They stay valid, because a shared memory never moves.
 */
export function openSgemm(open: OpenSettings, memory: WebAssembly.Memory): HostCommand {
  const koffi = globalThis.process?.getBuiltinModule('node:module').createRequire(open.koffi)(open.koffi) as Koffi;
  const library = koffi.load(open.library);
  for (const [name, type, value] of open.settings) library.func(name, 'void', [type])(value);
  const sgemm = library.func(open.name, 'void', open.parameters);
  const base = Number(koffi.address(new Uint8Array(memory.buffer)));
  let words = new Int32Array(memory.buffer);
  return (command, thread, threads) => {
    const at = (command >>> 2) + open.arguments;
    if (at + 7 > words.length) words = new Int32Array(memory.buffer); // it has grown
    const [R, C, K, flags] = [words[at + 1]!, words[at + 2]!, words[at + 5]!, words[at + 6]!];
    const byRows = R > C;
    const length = byRows ? R : C;
    const count = length < 512 ? Math.max(1, length >> 6) : Math.min(8, length >> 7);
    const block = Math.ceil(length / count / 16) * 16;
    const blocks = Math.ceil(length / block);
    const end = Math.floor((blocks * (thread + 1)) / threads);
    // Strides in floats: from a block to the next in A and in B, and rows of A and B as they are in memory.
    const [transA, transB] = [(flags & 2) !== 0, (flags & 4) !== 0];
    const inA = byRows ? (transA ? 1 : K) : 0;
    const inB = byRows ? 0 : transB ? K : 1;
    const inOut = byRows ? C : 1;
    for (let i = Math.floor((blocks * thread) / threads); i < end; i++) {
      const from = i * block;
      const size = Math.min(block, length - from);
      sgemm(
        101, // row-major; 111 is the matrix, and 112 its transpose
        transA ? 112 : 111,
        transB ? 112 : 111,
        byRows ? size : R,
        byRows ? C : size,
        K,
        1,
        base + (words[at + 3]! >>> 0) + 4 * from * inA,
        transA ? R : K,
        base + (words[at + 4]! >>> 0) + 4 * from * inB,
        transB ? K : C,
        flags & 1,
        base + (words[at]! >>> 0) + 4 * from * inOut,
        C,
      );
    }
  };
}
