/** The numbers of a backend's live memory, as a view reads and writes them. */
import type { FloatArray } from '../../contract/kernels.js';

/** Notices what may change the numbers of a view. */
export interface WriteObserver {
  /** Numbers were written. */
  changed(): void;
  /** The memory itself was handed out: from now on, numbers can be written at any time. */
  handedOut(): void;
}

/** The numbers of a live view. It has the methods that the package `ndarray` needs of its data. */
export class LiveNumbers {
  /** @internal The memory, only to be read. */
  readonly read: () => FloatArray;
  private readonly observer: WriteObserver | undefined;

  constructor(read: () => FloatArray, observer?: WriteObserver) {
    this.read = read;
    this.observer = observer;
  }

  get length(): number {
    return this.read().length;
  }

  get(index: number): number {
    return this.read()[index]!;
  }

  set(index: number, value: number): number {
    this.read()[index] = value;
    this.observer?.changed();
    return value;
  }

  /** A copy of numbers [from, to), which stays valid. Default: all of them. */
  slice(from?: number, to?: number): FloatArray {
    return this.read().slice(from, to);
  }

  [Symbol.iterator](): IterableIterator<number> {
    return this.read()[Symbol.iterator]();
  }

  /**
   * The memory itself, for code that needs a typed array. After the tape or arena is freed, this memory is reused without any
   * check: read it immediately, or keep a copy. After this access to a parameter, the engine packs the weights again in every
   * pass, because it does not see what is written.
   */
  get array(): FloatArray {
    this.observer?.handedOut();
    return this.read();
  }
}
