/**
 * Where the wasm backend's matrices live: one shared WebAssembly memory, handed out in aligned blocks. Freed blocks are kept
 * by size and handed out again, since a training asks for the same sizes over and over.
 *
 * The memory is shared (a SharedArrayBuffer) also where a single thread uses it, because then growing it leaves the views
 * that people hold valid: an ordinary memory's views go dead when it grows.
 */
import { UnspoolError } from '../../errors.js';

const PAGE = 65536;
const MAX_PAGES = 65536; // 4 GiB, what 32-bit addresses reach; has to agree with scripts/build-wasm.mjs
const ALIGN = 64; // a cache line

export class Heap {
  readonly memory: WebAssembly.Memory;
  private top = PAGE; // the first page is the compiler's
  private readonly free = new Map<number, number[]>();
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

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 2, maximum: MAX_PAGES, shared: true });
  }

  /** Address of a block of zeros. Throws `OUT_OF_MEMORY`. */
  alloc(bytes: number): number {
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    const at = this.free.get(size)?.pop() ?? this.extend(size);
    this.sizes.set(at, size);
    new Uint8Array(this.memory.buffer, at, size).fill(0);
    return at;
  }

  /** Gives a block back; an address that is no block's (a view's) is ignored. */
  release(at: number): void {
    const size = this.sizes.get(at);
    if (size === undefined) return;
    this.sizes.delete(at);
    const list = this.free.get(size);
    if (list) list.push(at);
    else this.free.set(size, [at]);
  }

  private extend(size: number): number {
    const at = this.top;
    const missing = at + size - this.memory.buffer.byteLength;
    if (missing > 0) {
      // A quarter more than asked for, so that many small requests do not each grow it.
      const wanted = Math.ceil(Math.max(missing, Math.min(this.memory.buffer.byteLength / 4, 2 ** 26)) / PAGE);
      if (!this.grow(wanted) && !this.grow(Math.ceil(missing / PAGE))) throw this.full(size);
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

  private full(bytes: number): UnspoolError {
    return new UnspoolError({
      code: 'OUT_OF_MEMORY',
      bytes,
      inUse: this.top,
      help: 'Lower the batch, the steps or the hidden size; 4 GiB is the most that WebAssembly can address.',
    });
  }
}
