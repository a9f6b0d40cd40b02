/**
 * A lease: a backend as one owner uses it, such as a tape, an arena or a training. It remembers what was allocated through
 * it and frees all of that when the owner ends, or when its construction fails half-way.
 *
 * After the end, every instruction throws `DISPOSED`, and so does everything made over the lease: layers, time steps,
 * arrays. Until then this costs nothing: the end exchanges the prototype that the instructions are inherited from.
 */

import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { type Problem, UnspoolError } from '../../errors.js';
import { backendOf, decorate } from './decorate.js';

/** The `DISPOSED` error of a lease: what ended, through which call, and what to do instead. */
export type Disposed = Omit<Extract<Problem, { code: 'DISPOSED' }>, 'code'>;

export class Lease {
  /** The backend, as the owner uses it. */
  readonly kernels: Kernels;
  /** The backend itself. */
  readonly backend: Kernels;
  private readonly of: Kernels;
  private readonly held = new Set<Matrix | PackedMatrix>();
  private why: Disposed | null = null;

  /** @param of the backend, or a lease of it, whose end also ends this one. */
  constructor(of: Kernels) {
    const keep = <M extends Matrix | PackedMatrix>(m: M): M => {
      this.held.add(m);
      return m;
    };
    this.of = of;
    this.backend = backendOf(of);
    this.kernels = decorate(of, {
      alloc: (rows, cols) => {
        this.requireOpen();
        return keep(of.alloc(rows, cols));
      },
      allocPacked: (rows, cols) => {
        this.requireOpen();
        return keep(of.allocPacked(rows, cols));
      },
      free: (m) => {
        if (this.held.delete(m)) of.free(m);
      },
    });
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
    for (const m of this.held) of.free(m);
    this.held.clear();
    const gone = (_: object, name: PropertyKey): void => {
      if (name in of) this.requireOpen();
    };
    Object.setPrototypeOf(this.kernels, new Proxy({}, { get: gone }));
  }
}

/** Calls `make` with a new lease. If it fails, everything that it has allocated is freed. */
export function leased<T>(kernels: Kernels, make: (lease: Lease) => T): T {
  const lease = new Lease(kernels);
  try {
    return make(lease);
  } catch (error) {
    lease.end({ what: 'The object that could not be made' });
    throw error;
  }
}
