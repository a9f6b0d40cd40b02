/**
 * A lease: a backend as one owner uses it, such as a tape, an arena or a training. It remembers what was allocated through
 * it and frees all of that when the owner ends, when its construction fails half-way, or when nothing refers to it any more.
 *
 * After the end, every instruction throws `DISPOSED`, and so does everything made over the lease: layers, time steps,
 * arrays. Until then this costs nothing: the end exchanges the prototype that the instructions are inherited from.
 */

import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { type Problem, UnspoolError } from '../../errors.js';
import { freeNow, freeWhenDropped, Holding, type Owner } from './census.js';
import { backendOf, decorate } from './decorate.js';

/** The `DISPOSED` error of a lease: what ended, through which call, and what to do instead. */
export type Disposed = Omit<Extract<Problem, { code: 'DISPOSED' }>, 'code'>;

type Handle = Matrix | PackedMatrix;

/** A handle that a lease has given out. It refers to the lease, so that its memory is not freed while someone has it. */
interface Leased {
  lease?: Kernels;
  /** The backend's handle. */
  raw?: Handle;
}

export class Lease {
  /** The backend, as the owner uses it. */
  readonly kernels: Kernels;
  /** The backend itself. */
  readonly backend: Kernels;
  private readonly of: Kernels;
  private readonly holding: Holding;
  private why: Disposed | null = null;

  /** @param of the backend, or a lease of it, whose end also ends this one. @param what the owner, for messages. */
  constructor(of: Kernels, what: Owner) {
    const backend = backendOf(of);
    const holding = new Holding(of, backend, what);
    const { memory } = of;
    const keep = <M extends Handle>(raw: M, before: number): M => {
      holding.add(raw, memory.inUse() - before);
      const handle: Leased & M = Object.assign({}, raw); // Node.js 20 takes 30 times as long for a spread
      handle.lease = kernels;
      handle.raw = raw;
      return handle;
    };
    const kernels: Kernels = decorate(of, {
      alloc: (rows, cols) => {
        this.requireOpen();
        const before = memory.inUse();
        return keep(of.alloc(rows, cols), before);
      },
      allocPacked: (rows, cols) => {
        this.requireOpen();
        const before = memory.inUse();
        return keep(of.allocPacked(rows, cols), before);
      },
      view: (base, offset, rows, cols) => {
        this.requireOpen();
        const view: Leased & Matrix = of.view(base, offset, rows, cols);
        view.lease = kernels; // a long tape has thousands of views
        return view;
      },
      free: (m) => {
        const { raw } = m as Handle & Leased;
        if (raw) holding.free(raw, of);
      },
    });
    this.of = of;
    this.backend = backend;
    this.holding = holding;
    this.kernels = kernels;
    freeWhenDropped(kernels, holding);
  }

  /** Lets the garbage collector free what was dropped, if much memory has come into use; undefined if not. */
  relief(): Promise<void> | undefined {
    return this.holding.relief();
  }

  /** The owner is of another kind. */
  rename(what: Owner): void {
    this.holding.rename(what);
  }

  /** Throws `DISPOSED` after the end. */
  requireOpen(): void {
    if (this.why) throw new UnspoolError({ code: 'DISPOSED', ...this.why });
  }

  /** Frees everything that was allocated through the lease. A second call does nothing. */
  end(why: Disposed): void {
    if (this.why) return;
    const { of } = this;
    this.why = why;
    freeNow(this.holding);
    const gone = (_: object, name: PropertyKey): void => {
      if (name in of) this.requireOpen();
    };
    Object.setPrototypeOf(this.kernels, new Proxy({}, { get: gone }));
  }
}

/** Calls `make` with a new lease. If it fails, everything that it has allocated is freed. */
export function leased<T>(kernels: Kernels, what: Owner, make: (lease: Lease) => T): T {
  const lease = new Lease(kernels, what);
  try {
    return make(lease);
  } catch (error) {
    lease.end({ what: 'The object that could not be made' });
    throw error;
  }
}
