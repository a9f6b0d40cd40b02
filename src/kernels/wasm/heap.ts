/**
 * Where the wasm backend's matrices live: one shared WebAssembly memory, handed out in aligned blocks. A block that is given
 * back becomes a hole, holes that touch become one, and the smallest hole that is large enough is filled first: whatever
 * sizes come after each other, what was given back can be used again.
 *
 * The memory is shared (a SharedArrayBuffer) also where a single thread uses it, because then growing it leaves the views
 * that people hold valid: an ordinary memory's views go dead when it grows.
 */
import { UnspoolError } from '../../errors.js';

const PAGE = 65536;
const MAX_PAGES = 65536; // 4 GiB, what 32-bit addresses reach; has to agree with scripts/build-wasm.mjs
const ALIGN = 64; // a cache line

interface Hole {
  at: number;
  size: number;
}

export class Heap {
  readonly memory: WebAssembly.Memory;
  /** The most bytes that there can be. */
  readonly capacity: number;
  /** Bytes of all blocks, and of the first page, which is the compiler's. */
  inUse = PAGE;
  /** Where the last block ends. */
  private top = PAGE;
  /** Below `top`, by address; no two of them touch, and none touches `top`. */
  private readonly holes: Hole[] = [];
  private readonly sizes = new Map<number, number>();

  /**
   * Whether the engine has shared memory. A page that is not cross-origin isolated has: it only lacks the name
   * `SharedArrayBuffer`, and may not hand the memory to a worker.
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
    this.memory = new WebAssembly.Memory({ initial: Math.min(2, maximum), maximum, shared: true });
  }

  /** What `alloc(bytes)` takes. */
  blockBytes(bytes: number): number {
    return Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
  }

  /** Address of a block of zeros. Throws `OUT_OF_MEMORY`, and is then as it was before. */
  alloc(bytes: number): number {
    const size = this.blockBytes(bytes);
    const at = this.fill(size) ?? this.extend(size);
    this.sizes.set(at, size);
    this.inUse += size;
    new Uint8Array(this.memory.buffer, at, size).fill(0);
    return at;
  }

  /** Gives a block back; an address that is no block's is ignored. */
  release(at: number): void {
    const size = this.sizes.get(at);
    if (size === undefined) return;
    this.sizes.delete(at);
    this.inUse -= size;
    const { holes } = this;
    holes.push({ at, size });
    holes.sort((a, b) => a.at - b.at);
    for (let i = holes.length - 1; i > 0; i--) {
      const [before, hole] = [holes[i - 1]!, holes[i]!];
      if (before.at + before.size < hole.at) continue;
      before.size += hole.size;
      holes.splice(i, 1);
    }
    const last = holes.at(-1)!;
    if (last.at + last.size < this.top) return;
    this.top = last.at;
    holes.pop();
  }

  /** Address of a block in the smallest hole that is large enough; undefined where there is none. */
  private fill(size: number): number | undefined {
    const { holes } = this;
    const [best] = holes.filter((hole) => hole.size >= size).sort((a, b) => a.size - b.size);
    if (!best) return;
    const { at } = best;
    best.at += size;
    best.size -= size;
    if (best.size === 0) holes.splice(holes.indexOf(best), 1);
    return at;
  }

  private extend(size: number): number {
    const at = this.top;
    const missing = at + size - this.memory.buffer.byteLength;
    if (missing > 0) {
      // A quarter more than asked for, so that many small requests do not each grow it.
      const wanted = Math.ceil(Math.max(missing, Math.min(this.memory.buffer.byteLength / 4, 2 ** 26)) / PAGE);
      if (!this.grow(wanted) && !this.grow(Math.ceil(missing / PAGE))) {
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
