/** The interface of the threads that share the work, and the case of one thread. */
import type { Matrix } from '../../../contract/kernels.js';
import type { WasmExports } from '../exports.js';
import type { Heap } from '../heap.js';
import { type Command, CommandWord } from '../layout.js';

/** A matrix as part of a block of the heap. */
export interface Window extends Matrix {
  /** Address of the first element. */
  readonly at: number;
  /** Address of the block. */
  readonly base: number;
}

/** The threads that perform the shareable instructions of a backend. */
export interface Threads {
  /** Number of threads that share the work now. */
  readonly running: number;
  /**
   * Performs a command; assembly/threads.ts documents the arguments. If `isLarge`, all threads share it, after each has
   * finished all earlier commands. Otherwise this thread performs it, after a barrier.
   */
  dispatch(command: Command, isLarge: boolean, integers: readonly number[], reals?: readonly number[]): void;
  /**
   * Performs a large command whose `matrices` all have the same number of rows, each thread some of the rows. Threads wait
   * for each other only if a matrix was last split in another way.
   */
  dispatchRows(command: Command, matrices: readonly Matrix[], integers: readonly number[]): void;
  /** Waits until all threads have finished all commands. */
  barrier(): void;
  /** Ends the threads. */
  dispose(): void;
}

const NO_REALS: readonly number[] = [];

/** Writes commands into memory. */
export class CommandWriter {
  private readonly words: Int32Array;
  private readonly floats: Float32Array;

  /** @param at address of the memory that commands are written to, `bytes` long. */
  constructor(heap: Heap, at: number, bytes: number) {
    this.words = new Int32Array(heap.memory.buffer, at, bytes / 4);
    this.floats = new Float32Array(heap.memory.buffer, at, bytes / 4);
  }

  /** @param start the first word of the command. */
  write(
    start: number,
    command: Command,
    barrier: boolean,
    integers: readonly number[],
    reals: readonly number[] = NO_REALS,
  ): void {
    const { words, floats } = this;
    words[start + CommandWord.command] = command;
    words[start + CommandWord.barrier] = barrier ? 1 : 0;
    for (let i = 0; i < integers.length; i++) words[start + CommandWord.integers + i] = integers[i]!;
    for (let i = 0; i < reals.length; i++) floats[start + CommandWord.reals + i] = reals[i]!;
  }
}

/** Performs every command in the calling thread. */
export class SingleThread implements Threads {
  readonly running = 1;
  private readonly wasm: WasmExports;
  private readonly scratch: number;
  private readonly slot: number;
  private readonly writer: CommandWriter;

  /** @param scratch address of `scratchFloats()` floats that products need. */
  constructor(heap: Heap, wasm: WasmExports, scratch: number) {
    const bytes = 4 * CommandWord.count;
    this.wasm = wasm;
    this.scratch = scratch;
    this.slot = heap.alloc(bytes);
    this.writer = new CommandWriter(heap, this.slot, bytes);
  }

  dispatch(command: Command, _isLarge: boolean, integers: readonly number[], reals?: readonly number[]): void {
    this.writer.write(0, command, false, integers, reals);
    this.wasm.perform(this.slot, 0, 1, this.scratch);
  }

  dispatchRows(command: Command, _matrices: readonly Matrix[], integers: readonly number[]): void {
    this.dispatch(command, true, integers);
  }

  barrier(): void {}

  dispose(): void {}
}
