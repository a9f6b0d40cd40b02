/** Kernels applied to grids, on the reference backend in float64. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { createReference } from '../kernels/reference/index.js';
import { type Grid, grid } from './grid.js';

/** A float64 reference backend with conversions from and to grids. */
export class GridKernels {
  readonly k: Kernels = createReference('float64');

  /** Copies a grid to a matrix. */
  matrix({ rows, cols, data }: Grid): Matrix {
    const m = this.k.alloc(rows, cols);
    this.k.upload(m, data);
    return m;
  }

  /** Copies a matrix to a grid. */
  grid(m: Matrix): Grid {
    return grid(m.rows, m.cols, this.k.host(m)!.slice());
  }
}

/** a (R,K) times b (K,C). */
export function times(a: Grid, b: Grid): Grid {
  const backend = new GridKernels();
  const out = backend.k.alloc(a.rows, b.cols);
  backend.k.gemm(out, backend.matrix(a), backend.matrix(b));
  return backend.grid(out);
}
