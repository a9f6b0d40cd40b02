/** Matrix products. A packed operand is a value of its own, laid out so that neighboring threads read neighboring numbers. */
import type { GemmOptions, Kernels, Matrix, PackedMatrix } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { isInFours, type Piece, rowsOf, type Window } from '../record/values.js';
import { MOST_IN_FOURS } from '../shaders/lanes.js';
import {
  fourfoldProduct,
  fourfoldTranspose,
  type ProductShape,
  product,
  stridedProduct,
  transpose,
  wideProduct,
} from '../shaders/products.js';
import type { Program } from '../shaders/program.js';
import { product as productInWgsl } from '../shaders/wgsl.js';

/** Products of numbers from which on it pays to lay out in fours what is not. */
const WORTH_FOURS = 16384;

/** The same where a thread may write four numbers: below, single results are better, since a plan takes no others. */
const WORTH_WIDE = 2 ** 20;

type Way = Required<GemmOptions>;
type Products = Pick<Kernels, 'gemm' | 'pack' | 'gemmPacked'>;

/** A, B and, where it is added to, what stands in the result. */
type Operands = readonly [Piece, Piece, ...Piece[]];

/** A packed matrix is a window like any other. */
const packedWindow = (m: PackedMatrix): Window => m as Window;

export function products(rec: Recorder): Products {
  const { mostRows, fours } = rec.executor;
  /** Of a row, so that a block has no more rows than a grid of threads: their kernels count on columns and rows. */
  const leastWidth = fours === 'results' ? Math.ceil(rec.executor.mostElements / mostRows) : 1;
  /** Where a matrix is too large for one value, block by block: of the rows, or of what is summed over. */
  const multiply = (out: Matrix, a: Matrix, b: Matrix, way: Way): void => {
    const { transA, transB, accumulate } = way;
    const K = transA ? a.rows : a.cols;
    const { rows: R, cols: C } = out;
    if (K === 0) {
      if (!accumulate) rec.write(out, rec.constant(R * C, 0));
      return;
    }
    if (transA && !transB) {
      for (const [from, to] of rec.stretches([a, b], Math.max(R, C))) {
        one(out, rowsOf(a, from, to), rowsOf(b, from, to), { ...way, accumulate: accumulate || from > 0 });
      }
    } else if (!transA) {
      for (const [from, to] of rec.blocks(R, Math.max(K, C, leastWidth))) {
        one(rowsOf(out, from, to), rowsOf(a, from, to), b, way);
      }
    } else one(out, a, b, way);
  };
  const one = (out: Matrix, a: Matrix, b: Matrix, { transA, transB, accumulate }: Way): void => {
    const { rows: R, cols: C } = out;
    const adds = accumulate && rec.constantIn(out) !== 0;
    const shape = { R, K: transA ? a.rows : a.cols, C, transA, transB, accumulate: adds };
    const operands = [rec.read(a), rec.read(b), ...(adds ? [rec.read(out)] : [])] as const;
    if (fourfold(out, shape, operands) || inBlocks(out, shape, operands)) return;
    rec.write(out, rec.call(textOf(shape), operands));
  };
  const textOf = (shape: ProductShape): Program => {
    const written = fours === 'textures' ? stridedProduct : isWide(shape) ? wideProduct : product;
    return rec.texts.once(`product ${Object.values(shape)}`, () => written(shape));
  };
  const isWide = ({ R, K, C }: ProductShape): boolean =>
    fours === 'results' && C % 4 === 0 && R * K * C >= WORTH_WIDE && R <= mostRows;
  /** Where textures hold fours and the sizes allow: the operands laid the right way round first, if need be. */
  const fourfold = (out: Matrix, shape: ProductShape, [a, b, ...old]: Operands): boolean => {
    const { R, K, C, transA, transB, accumulate } = shape;
    if (fours !== 'textures' || K % 4 || C % 4) return false;
    if (R * K * C < WORTH_FOURS && !isInFours(a.value)) return false;
    if (Math.max(R * K, K * C, R * C) > MOST_IN_FOURS) return false;
    const left = transA ? turned(a, K, R) : a;
    const right = transB ? turned(b, C, K) : b;
    const inputs = [left, right, ...old];
    if (inputs.some(({ shift }) => shift % 4)) return false;
    const blocks = rec.executor.blocksOf((R * C) / 4, R);
    const [added = left] = old;
    const text = rec.texts.once(`fourfold ${R} ${K} ${C} ${blocks}`, () => fourfoldProduct(R, K, C, blocks));
    const results = rec.calls(text, [left, right, added], [Number(accumulate)]);
    for (const [m, value] of results.entries()) {
      rec.write(rowsOf(out, (m * R) / blocks, ((m + 1) * R) / blocks), value);
    }
    return true;
  };
  /** Where a thread may write four numbers and the sizes allow: B laid the right way round first, if need be. */
  const inBlocks = (out: Matrix, shape: ProductShape, [a, b, ...old]: Operands): boolean => {
    const { R, K, C, transA, transB } = shape;
    if (!isWide(shape) || (transA ? R : K) % 4) return false;
    if ([a, b, ...old].some(({ shift }) => shift % 4)) return false;
    const rows = Math.max(transA ? 4 : 1, rec.executor.blocksOf((R * C) / 4));
    const straight = { ...shape, transB: false };
    const text = rec.texts.once(`blocks ${rows} ${Object.values(straight)}`, () => ({
      ...wideProduct(straight),
      wgsl: productInWgsl(straight, rows),
      ...(shape.accumulate && !transA ? { sum: true as const } : {}),
    }));
    rec.write(out, rec.call(text, [a, transB ? turned(b, C, K) : b, ...old]));
    return true;
  };
  const turned = (m: Piece, rows: number, cols: number): Piece => {
    const isFourfold = fours === 'textures' && rec.lanes([m], rows * cols, rows, cols).count === 4;
    const text = isFourfold ? fourfoldTranspose(rows, cols) : transpose(rows, cols);
    return { value: rec.call(text, [m]), shift: 0 };
  };
  return {
    gemm: (out, a, b, { transA = false, transB = false, accumulate = false } = {}) =>
      multiply(out, a, b, { transA, transB, accumulate }),
    pack(out, b, transB) {
      const window = packedWindow(out);
      if (b.rows * b.cols === 0) return;
      const piece = rec.read(b);
      if (transB) rec.write(window, turned(piece, b.rows, b.cols).value);
      else rec.write(window, piece.value, piece.shift);
    },
    gemmPacked: (out, a, b, accumulate) =>
      multiply(out, a, packedWindow(b), { transA: false, transB: false, accumulate }),
  };
}
