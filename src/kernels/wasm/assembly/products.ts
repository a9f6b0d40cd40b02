/**
 * The matrix product, out = or += A B, over tiles that stay in registers (tiles.mjs).
 *
 * B is packed in panels of NR columns, block of K after block of K, so that a panel (KC * NR floats) stays in the
 * first-level cache during the loop over all rows of A. A row-major A is read in place; A' is first packed tile by tile,
 * because reading its columns would touch a new cache line for each k. Rows are processed in blocks of MC, so that their part
 * of A stays in the second-level cache during the loop over all panels of B.
 */
import { MR, NR, packedTile, rowsTile, WIDE, wideRow } from './tiles';

const KC: i32 = 512;
const MC: i32 = 96;

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return ((n + NR - 1) / NR) * NR;
}

/** Floats of the panels of a K x C matrix. */
export function panelFloats(K: i32, C: i32): i32 {
  return K * padded(C);
}

/** Floats of scratch that `gemm` needs: packed rows of A, then one tile for the ragged edge. */
export function scratchFloats(): i32 {
  return (MC + MR) * KC + MR * NR;
}

/** Panels of B (K x C, row-major, rows `ld` floats apart): those of columns [from, to), in whole panels. */
export function packB(panels: usize, b: usize, ld: i32, K: i32, C: i32, from: i32, to: i32): void {
  const step = (<usize>ld) << 2;
  for (let k0 = 0; k0 < K; k0 += KC) {
    const kc = min(KC, K - k0);
    let out = panels + (((<usize>k0) * padded(C) + (<usize>from) * kc) << 2);
    for (let j = from; j < to; j += NR) {
      let p = b + (((<usize>k0) * ld + j) << 2);
      const w = min(NR, C - j);
      if (w == NR) {
        for (let k = 0; k < kc; k++) {
          for (let v = 0; v < NR; v += 4) v128.store(out + ((<usize>v) << 2), v128.load(p + ((<usize>v) << 2)));
          out += (<usize>NR) << 2;
          p += step;
        }
      } else {
        for (let k = 0; k < kc; k++) {
          for (let v = 0; v < NR; v++) f32.store(out + ((<usize>v) << 2), v < w ? f32.load(p + ((<usize>v) << 2)) : 0);
          out += (<usize>NR) << 2;
          p += step;
        }
      }
    }
  }
}

/** Panels of B', K x C: element (k, j) is b[j * ld + k]. Transposes 4x4 blocks in registers. */
export function packBT(panels: usize, b: usize, ld: i32, K: i32, C: i32, from: i32, to: i32): void {
  const row = (<usize>ld) << 2;
  const panelRow = (<usize>NR) << 2;
  for (let k0 = 0; k0 < K; k0 += KC) {
    const kc = min(KC, K - k0);
    const k4 = kc & ~3;
    let out = panels + (((<usize>k0) * padded(C) + (<usize>from) * kc) << 2);
    for (let j = from; j < to; j += NR) {
      for (let v = 0; v < NR; v += 4) {
        const p = b + ((<usize>(j + v) * ld + k0) << 2);
        const o = out + ((<usize>v) << 2);
        if (j + v + 4 <= C) {
          for (let k = 0; k < k4; k += 4) transpose4(o + (<usize>k) * panelRow, panelRow, p + ((<usize>k) << 2), row);
          for (let k = k4; k < kc; k++) copyColumn(o + (<usize>k) * panelRow, p + ((<usize>k) << 2), row, 4);
        } else {
          for (let k = 0; k < kc; k++) copyColumn(o + (<usize>k) * panelRow, p + ((<usize>k) << 2), row, C - j - v);
        }
      }
      out += (<usize>kc) * panelRow;
    }
  }
}

/** The transpose of a 4x4 block. */
// @ts-ignore: decorator
@inline
function transpose4(out: usize, outRow: usize, p: usize, row: usize): void {
  const a = v128.load(p);
  const b = v128.load(p + row);
  const c = v128.load(p + 2 * row);
  const d = v128.load(p + 3 * row);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(out + outRow, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  v128.store(out + 2 * outRow, v128.shuffle<f32>(AB, CD, 0, 1, 4, 5));
  v128.store(out + 3 * outRow, v128.shuffle<f32>(AB, CD, 2, 3, 6, 7));
}

/** Copies `count` numbers that are `row` bytes apart, and fills up to four with 0. */
// @ts-ignore: decorator
@inline
function copyColumn(out: usize, p: usize, row: usize, count: i32): void {
  for (let i = 0; i < 4; i++) f32.store(out + ((<usize>i) << 2), i < count ? f32.load(p + (<usize>i) * row) : 0);
}

/** Packs `height` columns of A (rows of A') from row k0 on: [k][height]. */
function packA(out: usize, a: usize, row: usize, height: i32, kc: i32): void {
  if (height == 4) {
    for (let k = 0; k < kc; k++, out += 16, a += row) v128.store(out, v128.load(a));
  } else if (height == 6) {
    for (let k = 0; k < kc; k++, out += 24, a += row) {
      v128.store(out, v128.load(a));
      f64.store(out, f64.load(a, 16), 16);
    }
  } else {
    for (let k = 0; k < kc; k++, a += row) {
      for (let i = 0; i < height; i++, out += 4) f32.store(out, f32.load(a + ((<usize>i) << 2)));
    }
  }
}

/**
 * out (R, C) = or += A B, columns [from, to) only, so that threads can share a product. Both are multiples of NR, except the end.
 * A is R x K row-major, or K x R with `transA`; `panels` hold all of B.
 */
export function gemm(
  out: usize, R: i32, C: i32, a: usize, transA: bool, panels: usize, K: i32, accumulate: bool,
  scratch: usize, from: i32, to: i32,
): void {
  if (K == 0) {
    if (!accumulate) for (let r = 0; r < R; r++) memory.fill(out + (((<usize>r) * C + from) << 2), 0, (<usize>(to - from)) << 2);
    return;
  }
  const ldc = (<usize>C) << 2;
  const lda = (<usize>(transA ? R : K)) << 2;
  const edge = scratch + (((<usize>(MC + MR)) * KC) << 2);
  for (let k0 = 0; k0 < K; k0 += KC) {
    const kc = min(KC, K - k0);
    const set = !accumulate && k0 == 0;
    const block = panels + (((<usize>k0) * padded(C)) << 2);
    for (let i0 = 0; i0 < R; i0 += MC) {
      const rows = min(MC, R - i0);
      const c = out + (<usize>i0) * ldc;
      if (transA) {
        packBlock(scratch, a + (<usize>k0) * lda + ((<usize>i0) << 2), lda, rows, kc);
        multiply(c, ldc, rows, C, scratch, 0, true, block, kc, set, edge, from, to);
      } else {
        multiply(c, ldc, rows, C, a + (<usize>i0) * lda + ((<usize>k0) << 2), lda, false, block, kc, set, edge, from, to);
      }
    }
  }
}

function packBlock(scratch: usize, a: usize, lda: usize, rows: i32, kc: i32): void {
  for (let i = 0; i < rows; i += MR) {
    const height = min(MR, rows - i);
    packA(scratch + (((<usize>i) * kc) << 2), a + ((<usize>i) << 2), lda, height, kc);
  }
}

function multiply(
  c: usize, ldc: usize, rows: i32, C: i32, a: usize, lda: usize, packed: bool, block: usize, kc: i32, set: bool,
  edge: usize, from: i32, to: i32,
): void {
  const panel = ((<usize>kc) * NR) << 2;
  let j = from;
  if (rows == 1) {
    for (; j + WIDE * NR <= min(to, C); j += WIDE * NR) {
      wideRow(a, block + (((<usize>j) * kc) << 2), panel, c + ((<usize>j) << 2), kc, set);
    }
  }
  for (; j < to; j += NR) {
    const b = block + (((<usize>j) * kc) << 2);
    const whole = j + NR <= C;
    for (let i = 0; i < rows; ) {
      const height = tileHeight(rows - i);
      const ap = packed ? a + (((<usize>i) * kc) << 2) : a + (<usize>i) * lda;
      const at = c + (<usize>i) * ldc + ((<usize>j) << 2);
      const target = whole ? at : edge;
      const stride = whole ? ldc : (<usize>NR) << 2;
      const fresh = whole ? set : true;
      if (!packed) rowsTile(height, ap, lda, 4, b, target, stride, kc, fresh);
      else if (height == MR) packedTile(ap, b, target, stride, kc, fresh);
      else rowsTile(height, ap, 4, (<usize>height) << 2, b, target, stride, kc, fresh);
      if (!whole) copyEdge(at, ldc, edge, height, C - j, set);
      i += height;
    }
  }
}

// @ts-ignore: decorator
@inline
function tileHeight(left: i32): i32 {
  return min(left, MR);
}

function copyEdge(at: usize, ldc: usize, edge: usize, height: i32, width: i32, set: bool): void {
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const p = at + (<usize>i) * ldc + ((<usize>j) << 2);
      const v = f32.load(edge + ((<usize>(i * NR + j)) << 2));
      f32.store(p, set ? v : f32.load(p) + v);
    }
  }
}
