/**
 * The heap of the wasm backend: aligned blocks of one shared WebAssembly memory. A freed block becomes a hole, adjacent holes are
 * merged, and a new block is placed in the smallest hole that is large enough, so that freed memory can be used for any size.
 *
 * The memory is a SharedArrayBuffer even with a single thread, because views of shared memory stay valid when it grows. Views
 * of an unshared memory are detached.
 */
import { UnspoolError } from '../../errors.js';
import { MAX_PAGES } from './layout.js';

const PAGE = 65536;
const ALIGN = 64; // a cache line

interface Hole {
  at: number;
  size: number;
}

/** Allocates blocks of a WebAssembly memory. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Maximum size in bytes. */
  readonly capacity: number;
  /** Bytes of all blocks, plus the first page, which belongs to the module. */
  inUse = PAGE;
  /** End of the last block. */
  private top = PAGE;
  /** The free blocks below `top`, sorted by address. No two are adjacent, and none ends at `top`. */
  private readonly holes: Hole[] = [];
  private readonly sizes = new Map<number, number>();

  /**
   * Whether the engine has shared memory. A page that is not cross-origin isolated also has it; such a page only lacks the
   * global `SharedArrayBuffer` and cannot send the memory to a worker.
   */
  static isPossible(): boolean {
    try {
      new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
      return true;
    } catch {
      return false;
    }
  }

  constructor(capacity = MAX_PAGES * PAGE) {
    const maximum = Math.floor(capacity / PAGE);
    this.capacity = maximum * PAGE;
    try {
      this.memory = new WebAssembly.Memory({ initial: Math.min(2, maximum), maximum, shared: true });
    } catch {
      const help =
        'Each backend reserves address space. Dispose models that you no longer need, or let them share a backend: ' +
        'const kernels = await selectKernels(); createModel(spec, { kernels }).';
      throw new UnspoolError({
        code: 'OUT_OF_MEMORY',
        bytes: this.capacity,
        inUse: null,
        capacity: this.capacity,
        help,
      });
    }
  }

  /** The size of the block that `alloc(bytes)` allocates. */
  blockBytes(bytes: number): number {
    return Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
  }

  /** Allocates a block of zeros and returns its address. Throws `OUT_OF_MEMORY` and then leaves the heap unchanged. */
  alloc(bytes: number): number {
    const size = this.blockBytes(bytes);
    const at = this.fill(size) ?? this.extend(size);
    this.sizes.set(at, size);
    this.inUse += size;
    new Float64Array(this.memory.buffer, at, size / 8).fill(0); // in shared memory, eight times as fast as by bytes
    return at;
  }

  /** Frees a block. Ignores an address at which no block starts. */
  release(at: number): void {
    const size = this.sizes.get(at);
    if (size === undefined) return;
    this.sizes.delete(at);
    this.inUse -= size;
    const { holes } = this;
    let [low, high] = [0, holes.length]; // holes before `low` are below the block
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holes[middle]!.at < at) low = middle + 1;
      else high = middle;
    }
    const [before, after] = [holes[low - 1], holes[low]];
    const hole = before && before.at + before.size === at ? before : { at, size: 0 };
    hole.size += size;
    const joins = after !== undefined && at + size === after.at;
    if (joins) hole.size += after.size;
    if (hole === before) holes.splice(low, joins ? 1 : 0);
    else holes.splice(low, joins ? 1 : 0, hole);
    if (hole.at + hole.size < this.top) return;
    this.top = hole.at;
    holes.pop();
  }

  /** Returns the address of a block in the smallest hole that is large enough, or undefined if no hole is. */
  private fill(size: number): number | undefined {
    const { holes } = this;
    let found = -1;
    for (let i = 0; i < holes.length; i++) {
      if (holes[i]!.size >= size && (found < 0 || holes[i]!.size < holes[found]!.size)) found = i;
    }
    if (found < 0) return;
    const best = holes[found]!;
    const { at } = best;
    best.at += size;
    best.size -= size;
    if (best.size === 0) holes.splice(found, 1);
    return at;
  }

  private extend(size: number): number {
    const at = this.top;
    const missing = at + size - this.memory.buffer.byteLength;
    if (missing > 0) {
      // Grows by a quarter, so that not every small request grows the memory.
      const preferred = Math.ceil(Math.max(missing, Math.min(this.memory.buffer.byteLength / 4, 2 ** 26)) / PAGE);
      if (!this.grow(preferred) && !this.grow(Math.ceil(missing / PAGE))) {
        const { inUse, capacity } = this;
        throw new UnspoolError({ code: 'OUT_OF_MEMORY', bytes: size, inUse, capacity });
      }
    }
    this.top = at + size;
    return at;
  }

  private grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}
