import type { FloatArray, Matrix } from '../../contract/kernels.js';

/** A matrix of the reference backend: a view of a typed array. */
export interface DenseMatrix extends Matrix {
  readonly data: FloatArray;
}

/** The numbers of a matrix. Core passes the opaque `Matrix`; this backend created it as a `DenseMatrix`. */
export const dense = (m: Matrix): FloatArray => (m as DenseMatrix).data;
