/** Matrix products. A packed operand is a value of its own, laid out so that neighbouring threads read neighbouring numbers. */
import type { Kernels, Matrix, PackedMatrix } from '../../core/kernels.js';
import type { Recorder } from './recorder.js';
import { fourfoldProduct, type ProductShape, product, transpose, wideProduct } from './text/products.js';
import type { Piece, Program, Window } from './values.js';

/** Products of numbers from which on it pays to lay operands out in fours. */
const WORTH_FOURS = 16384;

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
    const old = adds ? [rec.read(out)] : [];
    const shape = { R, K, C, transA, transB, accumulate: adds };
    rec.write(out, fourfold(shape, rec.read(a), b, old) ?? rec.call(textOf(shape), [rec.read(a), b, ...old]));
  };
  const textOf = (shape: ProductShape): Program =>
    rec.executor.fours === 'results' && shape.C % 4 === 0 ? wideProduct(shape) : product(shape);
  /** Where textures hold fours and the sizes allow: the operands laid the right way round first, if need be. */
  const fourfold = (
    { R, K, C, transA, transB, accumulate }: ProductShape,
    a: Piece,
    b: Piece,
    old: readonly Piece[],
  ) => {
    if (rec.executor.fours !== 'textures' || K % 4 || C % 4 || R * K * C < WORTH_FOURS) return null;
    const left = transA ? turned(a, K, R) : a;
    const right = transB ? turned(b, C, K) : b;
    const inputs = [left, right, ...old];
    if (inputs.some(({ shift }) => shift % 4)) return null;
    return rec.call(fourfoldProduct(R, K, C, accumulate), inputs);
  };
  const turned = (m: Piece, rows: number, cols: number): Piece => ({
    value: rec.call(transpose(rows, cols), [m]),
    shift: 0,
  });
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
