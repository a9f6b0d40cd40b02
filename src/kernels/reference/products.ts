/**
 * The matrix product in plain JavaScript: out = or += A B.
 *
 * The product reaches the speed of the adds and multiplies only if a tile of the result stays in registers: for each k, a
 * 4x4 tile does 32 flops with 8 loads. Both operands are first copied ("packed") into panels, so that these loads are
 * sequential, transposed or not. A panel holds four rows of A or four columns of B:
 *
 *   panel p of A: a[4p][k] a[4p+1][k] a[4p+2][k] a[4p+3][k], then k+1, ...     (missing rows and columns are 0)
 *
 * K is split into blocks of KC, so that a panel of each operand (4 * KC elements) stays in the first-level cache.
 * Sums within a block are in double precision, also for float32 arrays, because JavaScript computes in double precision.
 * Rounding with Math.fround after each operation would halve the speed and be less accurate.
 */
import type { FloatArray, GemmOptions, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { dense } from './dense.js';
import type { ReferenceMemory } from './memory.js';

/** Rows of K in a block. */
export const KC = 512;
const padded = (n: number): number => (n + 3) & ~3;

export interface DensePacked extends PackedMatrix {
  readonly panels: FloatArray;
}

/**
 * Copies the range [k0, k1) of `count` rows into panels of four rows. Element (r, k) is
 * source[r * rowStride + k * kStride]; swapping the strides packs a transposed operand.
 */
function packPanels(
  out: FloatArray,
  at: number,
  source: FloatArray,
  count: number,
  rowStride: number,
  k0: number,
  k1: number,
  kStride: number,
): void {
  let q = at;
  for (let r = 0; r < count; r += 4) {
    const left = count - r;
    let p = r * rowStride + k0 * kStride;
    if (left >= 4) {
      for (let k = k0; k < k1; k++, p += kStride, q += 4) {
        out[q] = source[p]!;
        out[q + 1] = source[p + rowStride]!;
        out[q + 2] = source[p + 2 * rowStride]!;
        out[q + 3] = source[p + 3 * rowStride]!;
      }
    } else {
      for (let k = k0; k < k1; k++, p += kStride, q += 4) {
        out[q] = source[p]!;
        out[q + 1] = left > 1 ? source[p + rowStride]! : 0;
        out[q + 2] = left > 2 ? source[p + 2 * rowStride]! : 0;
        out[q + 3] = 0;
      }
    }
  }
}

/** Computes a full 4x4 tile over kc values of k. `set` overwrites the result; otherwise it is added. */
function tile4x4(
  c: FloatArray,
  c0: number,
  ldc: number,
  a: FloatArray,
  a0: number,
  b: FloatArray,
  b0: number,
  kc: number,
  set: boolean,
): void {
  let s00 = 0,
    s01 = 0,
    s02 = 0,
    s03 = 0;
  let s10 = 0,
    s11 = 0,
    s12 = 0,
    s13 = 0;
  let s20 = 0,
    s21 = 0,
    s22 = 0,
    s23 = 0;
  let s30 = 0,
    s31 = 0,
    s32 = 0,
    s33 = 0;
  for (let k = 0, p = a0, q = b0; k < kc; k++, p += 4, q += 4) {
    const x0 = b[q]!;
    const x1 = b[q + 1]!;
    const x2 = b[q + 2]!;
    const x3 = b[q + 3]!;
    const w0 = a[p]!;
    s00 += w0 * x0;
    s01 += w0 * x1;
    s02 += w0 * x2;
    s03 += w0 * x3;
    const w1 = a[p + 1]!;
    s10 += w1 * x0;
    s11 += w1 * x1;
    s12 += w1 * x2;
    s13 += w1 * x3;
    const w2 = a[p + 2]!;
    s20 += w2 * x0;
    s21 += w2 * x1;
    s22 += w2 * x2;
    s23 += w2 * x3;
    const w3 = a[p + 3]!;
    s30 += w3 * x0;
    s31 += w3 * x1;
    s32 += w3 * x2;
    s33 += w3 * x3;
  }
  putRow(c, c0, s00, s01, s02, s03, set);
  putRow(c, c0 + ldc, s10, s11, s12, s13, set);
  putRow(c, c0 + 2 * ldc, s20, s21, s22, s23, set);
  putRow(c, c0 + 3 * ldc, s30, s31, s32, s33, set);
}

function putRow(c: FloatArray, at: number, s0: number, s1: number, s2: number, s3: number, set: boolean): void {
  if (set) {
    c[at] = s0;
    c[at + 1] = s1;
    c[at + 2] = s2;
    c[at + 3] = s3;
  } else {
    c[at] = c[at]! + s0;
    c[at + 1] = c[at + 1]! + s1;
    c[at + 2] = c[at + 2]! + s2;
    c[at + 3] = c[at + 3]! + s3;
  }
}

/**
 * Computes one row by up to eight columns (two panels of B), for the edges and for products with a single row.
 * `a0` is the row's first element in its panel of A. Eight running sums hide the latency of an add.
 */
function tile1x8(
  c: FloatArray,
  at: number,
  cols: number,
  a: FloatArray,
  a0: number,
  b: FloatArray,
  b0: number,
  kc: number,
  set: boolean,
): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  if (cols <= 4) {
    for (let k = 0, p = a0, q = b0; k < kc; k++, p += 4, q += 4) {
      const w = a[p]!;
      s0 += w * b[q]!;
      s1 += w * b[q + 1]!;
      s2 += w * b[q + 2]!;
      s3 += w * b[q + 3]!;
    }
    putSome(c, at, cols, s0, s1, s2, s3, set);
    return;
  }
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  for (let k = 0, p = a0, q = b0, z = b0 + 4 * kc; k < kc; k++, p += 4, q += 4, z += 4) {
    const w = a[p]!;
    s0 += w * b[q]!;
    s1 += w * b[q + 1]!;
    s2 += w * b[q + 2]!;
    s3 += w * b[q + 3]!;
    s4 += w * b[z]!;
    s5 += w * b[z + 1]!;
    s6 += w * b[z + 2]!;
    s7 += w * b[z + 3]!;
  }
  putRow(c, at, s0, s1, s2, s3, set);
  putSome(c, at + 4, cols - 4, s4, s5, s6, s7, set);
}

function putSome(
  c: FloatArray,
  at: number,
  cols: number,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
  set: boolean,
): void {
  if (cols >= 4) {
    putRow(c, at, s0, s1, s2, s3, set);
    return;
  }
  c[at] = set ? s0 : c[at]! + s0;
  if (cols > 1) c[at + 1] = set ? s1 : c[at + 1]! + s1;
  if (cols > 2) c[at + 2] = set ? s2 : c[at + 2]! + s2;
}

/** Computes all tiles of one block of K: R rows of packed A by C columns of packed B. */
function multiplyBlock(
  c: FloatArray,
  R: number,
  C: number,
  a: FloatArray,
  b: FloatArray,
  b0: number,
  kc: number,
  set: boolean,
): void {
  const fullRows = R & ~3;
  const fullCols = C & ~3;
  for (let j = 0; j < fullCols; j += 4) {
    for (let i = 0; i < fullRows; i += 4) tile4x4(c, i * C + j, C, a, i * kc, b, b0 + j * kc, kc, set);
  }
  if (fullCols < C) {
    for (let i = 0; i < fullRows; i++) {
      tile1x8(c, i * C + fullCols, C - fullCols, a, (i & ~3) * kc + (i & 3), b, b0 + fullCols * kc, kc, set);
    }
  }
  for (let i = fullRows; i < R; i++) {
    const row = fullRows * kc + (i & 3);
    for (let j = 0; j < C; j += 8) tile1x8(c, i * C + j, Math.min(8, C - j), a, row, b, b0 + j * kc, kc, set);
  }
}

export function products(memory: ReferenceMemory) {
  const panelsOf = (K: number, C: number): number => K * padded(C);
  const rowsOf = (R: number, K: number): number => padded(R) * Math.min(K, KC);
  const workspaceA = memory.workspace();
  const workspaceB = memory.workspace();

  /** Packs all of B, one block of K after another. */
  function packB(panels: FloatArray, b: Matrix, transB: boolean): void {
    const K = transB ? b.cols : b.rows;
    const C = transB ? b.rows : b.cols;
    const [colStride, kStride] = transB ? [b.cols, 1] : [1, b.cols];
    for (let k0 = 0; k0 < K; k0 += KC) {
      packPanels(panels, k0 * padded(C), dense(b), C, colStride, k0, Math.min(K, k0 + KC), kStride);
    }
  }

  function multiply(out: Matrix, a: Matrix, transA: boolean, panels: FloatArray, K: number, accumulate: boolean): void {
    const R = out.rows;
    const C = out.cols;
    const c = dense(out);
    if (K === 0 && !accumulate) c.fill(0);
    const [rowStride, kStride] = transA ? [1, a.cols] : [a.cols, 1];
    const packedA = workspaceA(rowsOf(R, K));
    for (let k0 = 0; k0 < K; k0 += KC) {
      const k1 = Math.min(K, k0 + KC);
      packPanels(packedA, 0, dense(a), R, rowStride, k0, k1, kStride);
      multiplyBlock(c, R, C, packedA, panels, k0 * padded(C), k1 - k0, !accumulate && k0 === 0);
    }
  }

  return {
    memory: memory.describe(panelsOf, rowsOf),
    gemm(out: Matrix, a: Matrix, b: Matrix, options: GemmOptions = {}): void {
      const K = options.transA ? a.rows : a.cols;
      const panels = workspaceB(panelsOf(K, out.cols));
      packB(panels, b, options.transB ?? false);
      multiply(out, a, options.transA ?? false, panels, K, options.accumulate ?? false);
    },
    allocPacked(rows: number, cols: number): PackedMatrix {
      const packed: DensePacked = { rows, cols, panels: memory.array(panelsOf(rows, cols)) };
      return packed;
    },
    pack(out: PackedMatrix, b: Matrix, transB: boolean): void {
      packB((out as DensePacked).panels, b, transB);
    },
    gemmPacked(out: Matrix, a: Matrix, b: PackedMatrix, accumulate: boolean): void {
      multiply(out, a, false, (b as DensePacked).panels, b.rows, accumulate);
    },
  };
}
