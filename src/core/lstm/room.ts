import type { Kernels, Matrix, PackedMatrix } from '../kernels.js';

/** Remembers what is allocated, to give it back. */
export class Room {
  readonly k: Kernels;
  private readonly taken: (Matrix | PackedMatrix)[] = [];

  constructor(k: Kernels) {
    this.k = k;
  }

  matrix(rows: number, cols: number): Matrix {
    const m = this.k.alloc(rows, cols);
    this.taken.push(m);
    return m;
  }

  packed(rows: number, cols: number): PackedMatrix {
    const m = this.k.allocPacked(rows, cols);
    this.taken.push(m);
    return m;
  }

  free(): void {
    for (const m of this.taken) this.k.free(m);
  }
}
