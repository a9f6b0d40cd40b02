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
  /** Why the other threads could not start, as a sentence; null if they run or have not been needed yet. */
  readonly problem: string | null;
  /**
   * Passes the integer arguments of the next command. The instructions of the time loop use it, because a list of arguments for
   * each of them costs more than the call.
   */
  readonly pass: PassIntegers;
  /**
   * Performs a command; assembly/threads.ts documents the arguments. If `isLarge`, all threads share it, after each has
   * finished all earlier commands. Otherwise this thread performs it, after a barrier. Default of `integers`: what `pass` has
   * passed.
   */
  dispatch(command: Command, isLarge: boolean, integers?: readonly number[], reals?: readonly number[]): void;
  /**
   * Performs a command with the arguments of `pass`. If `matrices` are given, the command is large and they all have the
   * same number of rows: each thread performs some of the rows. Threads wait for each other only if a matrix was last split in
   * another way. Without `matrices`, this thread performs it, after a barrier.
   */
  dispatchRows(command: Command, matrices: readonly Matrix[] | null): void;
  /** Waits until all threads have finished all commands. */
  barrier(): void;
  /** Ends the threads. */
  dispose(): void;
}

/** The integer arguments of a command, in order. */
type PassIntegers = (...integers: [number, number, number, number, ...number[]]) => void;

/** Performs every command in the calling thread. */
export class SingleThread implements Threads {
  readonly running = 1;
  readonly problem = null;
  /** The words of the next command. */
  readonly command: Int32Array;
  readonly pass: PassIntegers;
  private readonly integers: Int32Array;
  private readonly reals: Float32Array;
  private readonly wasm: WasmExports;
  private readonly scratch: number;
  private readonly slot: number;

  /** @param scratch address of `scratchFloats()` floats that products need. */
  constructor(heap: Heap, wasm: WasmExports, scratch: number) {
    this.wasm = wasm;
    this.scratch = scratch;
    this.slot = heap.alloc(4 * CommandWord.count);
    this.command = new Int32Array(heap.memory.buffer, this.slot, CommandWord.count);
    this.integers = this.command.subarray(CommandWord.integers);
    this.reals = new Float32Array(heap.memory.buffer, this.slot + 4 * CommandWord.reals);
    const { integers } = this;
    this.pass = (i0, i1, i2, i3, i4 = 0, i5 = 0, i6 = 0, i7 = 0, i8 = 0) => {
      integers[0] = i0;
      integers[1] = i1;
      integers[2] = i2;
      integers[3] = i3;
      integers[4] = i4;
      integers[5] = i5;
      integers[6] = i6;
      integers[7] = i7;
      integers[8] = i8;
    };
  }

  /** Writes the words of the next command. */
  write(command: Command, barrier: boolean, integers?: readonly number[], reals?: readonly number[]): void {
    this.command[CommandWord.command] = command;
    this.command[CommandWord.barrier] = barrier ? 1 : 0;
    // Faster than the method "set" for so few numbers.
    if (integers) for (let i = 0; i < integers.length; i++) this.integers[i] = integers[i]!;
    if (reals) for (let i = 0; i < reals.length; i++) this.reals[i] = reals[i]!;
  }

  dispatch(command: Command, _isLarge: boolean, integers?: readonly number[], reals?: readonly number[]): void {
    this.write(command, false, integers, reals);
    this.wasm.perform(this.slot, 0, 1, this.scratch);
  }

  dispatchRows(command: Command): void {
    this.dispatch(command, false);
  }

  barrier(): void {}

  dispose(): void {}
}
