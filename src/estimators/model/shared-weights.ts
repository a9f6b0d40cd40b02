/**
 * Lets tapes of one shape share their packed weights. A system keeps a tape for each step of a sequence; with a copy of the packed
 * weights in each, they would take several times the memory of the recorded values. The weights are packed once for each version
 * of theta.
 */
import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { decorate } from '../../core/memory/decorate.js';

export class SharedWeights {
  readonly kernels: Kernels;
  /** In the order in which a tape allocates them, which is the same for all tapes of a shape. */
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
