import type { FloatArray, Matrix } from '../../contract/kernels.js';

/** The reference backend's matrix: a window of a typed array. */
export interface DenseMatrix extends Matrix {
  readonly data: FloatArray;
}

/** Handles come back from core as the opaque `Matrix`; this backend made them, so it knows what they are. */
export const dense = (m: Matrix): FloatArray => (m as DenseMatrix).data;
