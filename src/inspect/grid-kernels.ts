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

/** a (R,K) times b' (C,K). */
export function timesTransposed(a: Grid, b: Grid): Grid {
  const backend = new GridKernels();
  const out = backend.k.alloc(a.rows, b.rows);
  backend.k.gemm(out, backend.matrix(a), backend.matrix(b), { transB: true });
  return backend.grid(out);
}

/** (a - mean) / sqrt(variance + epsilon) of each row: layer normalization (N1) before its gain and bias. */
export function normalized(a: Grid): Grid {
  const backend = new GridKernels();
  const [out, stats] = [backend.k.alloc(a.rows, a.cols), backend.k.alloc(a.rows, 2)];
  const gain = backend.matrix(grid(1, a.cols, new Float64Array(a.cols).fill(1)));
  backend.k.layerNorm(out, { a: backend.matrix(a), stats, gain, bias: backend.k.alloc(1, a.cols) }, false);
  return backend.grid(out);
}
