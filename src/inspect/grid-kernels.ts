/** The engine's instructions on plain grids: the reference backend in float64. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { createReference } from '../kernels/reference/index.js';
import { type Grid, grid } from './grid.js';

/** A float64 reference backend, with copies of grids in and out. */
export class GridKernels {
  readonly k: Kernels = createReference('float64');

  /** A matrix with the numbers of a grid. */
  matrix({ rows, cols, data }: Grid): Matrix {
    const m = this.k.alloc(rows, cols);
    this.k.upload(m, data);
    return m;
  }

  /** A copy of a matrix. */
  grid(m: Matrix): Grid {
    return grid(m.rows, m.cols, this.k.host(m)!.slice());
  }
}

/** a (R,K) times b (K,C). */
export function times(a: Grid, b: Grid): Grid {
  const on = new GridKernels();
  const out = on.k.alloc(a.rows, b.cols);
  on.k.gemm(out, on.matrix(a), on.matrix(b));
  return on.grid(out);
}

/** a (R,K) times b' (C,K). */
export function timesTransposed(a: Grid, b: Grid): Grid {
  const on = new GridKernels();
  const out = on.k.alloc(a.rows, b.rows);
  on.k.gemm(out, on.matrix(a), on.matrix(b), { transB: true });
  return on.grid(out);
}

/** (a - mean) / sqrt(variance + epsilon) of each row: layer normalization (N1) before its gain and bias. */
export function normalized(a: Grid): Grid {
  const on = new GridKernels();
  const [out, stats] = [on.k.alloc(a.rows, a.cols), on.k.alloc(a.rows, 2)];
  const gain = on.matrix(grid(1, a.cols, new Float64Array(a.cols).fill(1)));
  on.k.layerNorm(out, { a: on.matrix(a), stats, gain, bias: on.k.alloc(1, a.cols) }, false);
  return on.grid(out);
}
