/**
 * A backend over which tapes of one shape share the weights that they lay out for their products: a system keeps a tape for each
 * step of a sequence, and each would have a copy of all weights, several times what it records. They are laid out once for each
 * version of theta.
 */
import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { decorate } from '../../core/memory/decorate.js';

export class SharedWeights {
  readonly kernels: Kernels;
  /** In the order in which a tape asks for them, which is the same for all tapes of a shape. */
  private readonly packs: PackedMatrix[] = [];
  private asked = 0;
  /** Those that hold theta as it is now. */
  private readonly current = new Set<Matrix | PackedMatrix>();

  /** @param of has the memory; a lease gives it back. */
  constructor(of: Kernels) {
    this.kernels = decorate(of, {
      allocPacked: (rows, cols) => (this.packs[this.asked++] ??= of.allocPacked(rows, cols)),
      pack: (out, b, transB) => {
        if (this.current.has(out)) return;
        of.pack(out, b, transB);
        this.current.add(out);
      },
      free: (m) => {
        if (!this.packs.includes(m)) of.free(m as Matrix);
      },
    });
  }

  /** Lays one more tape of the shape. */
  lay<T>(make: () => T): T {
    this.asked = 0;
    return make();
  }

  /** Theta has changed. */
  changed(): void {
    this.current.clear();
  }
}
