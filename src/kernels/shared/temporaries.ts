/** Temporary matrices and views that the default instructions work with. */
import type { Kernels, Matrix } from '../../contract/kernels.js';

/** Allocates a temporary matrix, filled with `value` (default 0). */
export type Temporary = (rows: number, cols: number, value?: number) => Matrix;

/** Runs `act` and then frees the temporary matrices that it allocated. */
export function scoped(k: Kernels, act: (temporary: Temporary) => void): void {
  const allocated: Matrix[] = [];
  try {
    act((rows, cols, value = 0) => {
      const m = k.alloc(rows, cols);
      allocated.push(m);
      if (value !== 0) k.fill(m, value);
      return m;
    });
  } finally {
    for (const m of allocated) k.free(m);
  }
}

/** Number of elements. */
export const sizeOf = (m: Matrix): number => m.rows * m.cols;

/** All elements of a matrix as one row. */
export const asRow = (k: Kernels, m: Matrix): Matrix => k.view(m, 0, 1, sizeOf(m));

/** `count` elements of row r, from column `from`. */
export const rowPart = (k: Kernels, m: Matrix, r: number, from = 0, count = m.cols): Matrix =>
  k.view(m, r * m.cols + from, 1, count);
