/** Matrix products. A packed operand is a value of its own, laid out so that neighbouring threads read neighbouring numbers. */
import type { Kernels, Matrix, PackedMatrix } from '../../core/kernels.js';
import type { Recorder } from './recorder.js';
import { product, transpose } from './text/products.js';
import type { Piece, Window } from './values.js';

type Products = Pick<Kernels, 'gemm' | 'pack' | 'gemmPacked'>;

/** A packed matrix is a window like any other. */
const packedWindow = (m: PackedMatrix): Window => m as Window;

export function products(rec: Recorder): Products {
  const multiply = (
    out: Matrix,
    a: Matrix,
    b: Piece,
    K: number,
    { transA, transB, accumulate }: { transA: boolean; transB: boolean; accumulate: boolean },
  ): void => {
    const { rows: R, cols: C } = out;
    const adds = accumulate && rec.constantIn(out) !== 0;
    if (K === 0) {
      if (!accumulate) rec.write(out, rec.constant(R * C, 0));
      return;
    }
    const text = product({ R, K, C, transA, transB, accumulate: adds });
    rec.write(out, rec.call(text, [rec.read(a), b, ...(adds ? [rec.read(out)] : [])]));
  };
  return {
    gemm(out, a, b, { transA = false, transB = false, accumulate = false } = {}) {
      const K = transA ? a.rows : a.cols;
      if (K === 0) return multiply(out, a, { value: rec.constant(0, 0), shift: 0 }, 0, { transA, transB, accumulate });
      multiply(out, a, rec.read(b), K, { transA, transB, accumulate });
    },
    pack(out, b, transB) {
      const window = packedWindow(out);
      if (b.rows * b.cols === 0) return;
      const piece = rec.read(b);
      if (transB) rec.write(window, rec.call(transpose(b.rows, b.cols), [piece]));
      else rec.write(window, piece.value, piece.shift);
    },
    gemmPacked(out, a, b, accumulate) {
      if (b.rows === 0)
        return multiply(out, a, { value: rec.constant(0, 0), shift: 0 }, 0, {
          transA: false,
          transB: false,
          accumulate,
        });
      multiply(out, a, rec.read(packedWindow(b)), b.rows, { transA: false, transB: false, accumulate });
    },
  };
}
