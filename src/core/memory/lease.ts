/**
 * A lease: a backend as one owner uses it, such as a tape, an arena or a training. It has all the instructions, and it
 * remembers what was allocated through it, so that all of that goes back together: when the owner ends, or when laying
 * it out fails half-way.
 *
 * After the end every instruction throws `DISPOSED`, and so does whatever was made over the lease: layers, time steps,
 * arrays that somebody still holds. Until then this costs nothing: instructions are found through the prototype, where
 * the engine finds them as fast as on the object itself, and the end exchanges that prototype.
 */

import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { type Problem, UnspoolError } from '../../errors.js';

/** What is said to whoever goes on using it: what was ended, by which call, and what to do instead. */
export type Disposed = Omit<Extract<Problem, { code: 'DISPOSED' }>, 'code'>;

export class Lease {
  /** The backend, as the owner uses it. */
  readonly kernels: Kernels;
  private readonly of: Kernels;
  private readonly held = new Set<Matrix | PackedMatrix>();
  private why: Disposed | null = null;

  /** @param of the backend, or a lease of it: the end of that one is the end of this one, too. */
  constructor(of: Kernels) {
    const keep = <M extends Matrix | PackedMatrix>(m: M): M => {
      this.held.add(m);
      return m;
    };
    const own: Pick<Kernels, 'alloc' | 'allocPacked' | 'free'> = {
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
    };
    this.of = of;
    this.kernels = Object.assign(Object.create(of) as Kernels, own);
  }

  /** Throws `DISPOSED` after the end. */
  requireOpen(): void {
    if (this.why) throw new UnspoolError({ code: 'DISPOSED', ...this.why });
  }

  /** Gives everything back. Only the first call does anything. */
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

/** What `make` makes over a lease of its own; where it fails, all that it had allocated goes back. */
export function leased<T>(kernels: Kernels, make: (lease: Lease) => T): T {
  const lease = new Lease(kernels);
  try {
    return make(lease);
  } catch (error) {
    lease.end({ what: 'What could not be made' });
    throw error;
  }
}
