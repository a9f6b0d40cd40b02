/** Matrix products. A packed operand is a value whose layout lets neighboring threads read neighboring numbers. */
import type { GemmOptions, Kernels, Matrix, PackedMatrix } from '../../../contract/kernels.js';
import { rowsOf, sizeOf, type Window } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import { isVec4, type Piece, pieceOf } from '../record/values.js';
import {
  type ProductShape,
  scalarProduct,
  stridedProduct,
  textureProduct,
  textureTranspose,
  transpose,
  vec4Product,
} from '../shaders/products.js';
import type { Program } from '../shaders/program.js';
import { wgslProduct } from '../shaders/wgsl.js';
import { MAX_TEXTURE_VEC4_SIZE, MIN_TEXTURE_PRODUCT, MIN_VEC4_PRODUCT } from '../thresholds.js';

type Variant = Required<GemmOptions>;

/** A, B and, if the product is added to it, the old result. */
type Operands = readonly [Piece, Piece, ...Piece[]];

/** A packed matrix is a window like any other. */
const packedWindow = (m: PackedMatrix): Window => m as Window;

export function products(rec: Recorder): Pick<Kernels, 'gemm' | 'pack' | 'gemmPacked'> {
  const multiply = multiplier(rec);
  return {
    gemm: (out, a, b, { transA = false, transB = false, accumulate = false } = {}) =>
      multiply(out, a, b, { transA, transB, accumulate }),
    pack(out, b, transB) {
      const window = packedWindow(out);
      if (sizeOf(b) === 0) return;
      const piece = rec.read(b);
      if (transB) rec.write(window, transposed(rec, piece, b.rows, b.cols).value);
      else rec.write(window, piece.value, piece.shift);
    },
    gemmPacked: (out, a, b, accumulate) =>
      multiply(out, a, packedWindow(b), { transA: false, transB: false, accumulate }),
  };
}

/**
 * Multiplies. Matrices that are too large for one value are multiplied in blocks: of the rows, or of what is summed
 * over.
 */
function multiplier(rec: Recorder) {
  const { maxRows, maxElements, vec4 } = rec.executor;
  /** The least row length for which a block has no more rows than a grid of threads, on which the vec4 kernels rely. */
  const minWidth = vec4 === 'results' ? Math.ceil(maxElements / maxRows) : 1;
  const multiplyBlock = (out: Matrix, a: Matrix, b: Matrix, { transA, transB, accumulate }: Variant): void => {
    const { rows: R, cols: C } = out;
    const adds = accumulate && rec.constantIn(out) !== 0;
    const shape = { R, K: transA ? a.rows : a.cols, C, transA, transB, accumulate: adds };
    const operands = [rec.read(a), rec.read(b), ...(adds ? [rec.read(out)] : [])] as const;
    if (multiplyTextures(rec, out, shape, operands) || multiplyVec4(rec, out, shape, operands)) return;
    rec.write(out, rec.call(programOf(rec, shape), operands));
  };
  return (out: Matrix, a: Matrix, b: Matrix, variant: Variant): void => {
    const { transA, transB, accumulate } = variant;
    const K = transA ? a.rows : a.cols;
    const { rows: R, cols: C } = out;
    if (K === 0) {
      if (!accumulate) rec.write(out, rec.constant(R * C, 0));
    } else if (transA && !transB) {
      for (const [from, to] of rec.segmentBlocks([a, b], Math.max(R, C))) {
        const adds = accumulate || from > 0;
        multiplyBlock(out, rowsOf(a, from, to), rowsOf(b, from, to), { ...variant, accumulate: adds });
      }
    } else if (!transA) {
      for (const [from, to] of rec.blocks(R, Math.max(K, C, minWidth))) {
        multiplyBlock(rowsOf(out, from, to), rowsOf(a, from, to), b, variant);
      }
    } else multiplyBlock(out, a, b, variant);
  };
}

/** Whether threads write four numbers of a product. */
const isVec4Product = ({ executor: { vec4, maxRows } }: Recorder, { R, K, C }: ProductShape): boolean =>
  vec4 === 'results' && C % 4 === 0 && R * K * C >= MIN_VEC4_PRODUCT && R <= maxRows;

function programOf(rec: Recorder, shape: ProductShape): Program {
  const isTexture = rec.executor.vec4 === 'textures';
  const build = isTexture ? stridedProduct : isVec4Product(rec, shape) ? vec4Product : scalarProduct;
  return rec.shaders.get(`product ${Object.values(shape)}`, () => build(shape));
}

/** Multiplies vec4 textures, and returns whether the sizes allow it. Transposed operands are transposed first. */
function multiplyTextures(rec: Recorder, out: Matrix, shape: ProductShape, [a, b, ...old]: Operands): boolean {
  const { R, K, C, transA, transB, accumulate } = shape;
  if (rec.executor.vec4 !== 'textures' || K % 4 || C % 4) return false;
  if (R * K * C < MIN_TEXTURE_PRODUCT && !isVec4(a.value)) return false;
  if (Math.max(R * K, K * C, R * C) > MAX_TEXTURE_VEC4_SIZE) return false;
  const left = transA ? transposed(rec, a, K, R) : a;
  const right = transB ? transposed(rec, b, C, K) : b;
  if ([left, right, ...old].some(({ shift }) => shift % 4)) return false;
  const blocks = rec.executor.blocksOf((R * C) / 4, R);
  const [added = left] = old;
  const program = rec.shaders.get(`textures ${R} ${K} ${C} ${blocks}`, () => textureProduct(R, K, C, blocks));
  const results = rec.callAll(program, [left, right, added], [Number(accumulate)]);
  for (const [m, value] of results.entries()) {
    rec.write(rowsOf(out, (m * R) / blocks, ((m + 1) * R) / blocks), value);
  }
  return true;
}

/**
 * Multiplies in WGSL, several rows of vec4 values a thread, and returns whether the sizes allow it. A transposed B is
 * transposed first.
 */
function multiplyVec4(rec: Recorder, out: Matrix, shape: ProductShape, [a, b, ...old]: Operands): boolean {
  const { R, K, C, transA, transB } = shape;
  if (!isVec4Product(rec, shape) || (transA ? R : K) % 4) return false;
  if ([a, b, ...old].some(({ shift }) => shift % 4)) return false;
  const rows = Math.max(transA ? 4 : 1, rec.executor.blocksOf((R * C) / 4));
  const straight = { ...shape, transB: false };
  const program = rec.shaders.get(`blocks ${rows} ${Object.values(straight)}`, () => ({
    ...vec4Product(straight),
    wgsl: wgslProduct(straight, rows),
    ...(shape.accumulate && !transA ? { isSum: true as const } : {}),
  }));
  rec.write(out, rec.call(program, [a, transB ? transposed(rec, b, C, K) : b, ...old]));
  return true;
}

/** The transpose of a (rows, cols) piece. */
function transposed(rec: Recorder, m: Piece, rows: number, cols: number): Piece {
  const isTexture = rec.executor.vec4 === 'textures' && rec.lanes([m], rows * cols, rows, cols).count === 4;
  return pieceOf(rec.call(isTexture ? textureTranspose(rows, cols) : transpose(rows, cols), [m]));
}
