/** Instructions on whole rows. Sizes are in floats. */
import { add } from './elements';
import { bytes } from './lanes';

/** Row r of out (R, C) = or += row r of a times factors[r]; in place if out is a. */
export function scaleRows(out: usize, a: usize, factors: usize, R: i32, C: i32, accumulate: bool): void {
  for (let r = 0; r < R; r++, factors += 4) {
    const factor = f32.load(factors);
    const f = f32x4.splat(factor);
    const end = out + bytes(C);
    for (; out + 16 <= end; out += 16, a += 16) {
      const product = f32x4.mul(v128.load(a), f);
      v128.store(out, accumulate ? f32x4.add(v128.load(out), product) : product);
    }
    for (; out < end; out += 4, a += 4) {
      const product = f32.load(a) * factor;
      f32.store(out, accumulate ? f32.load(out) + product : product);
    }
  }
}

/** out = or += a: R rows of C columns, `outStride` and `aStride` floats apart. */
export function copyColumns(
  out: usize, outStride: i32, a: usize, aStride: i32, R: i32, C: i32, accumulate: bool,
): void {
  for (let r = 0; r < R; r++, out += bytes(outStride), a += bytes(aStride)) {
    if (accumulate) add(out, out, a, C);
    else memory.copy(out, a, bytes(C));
  }
}

/** Every row of out (R, C) = row. */
export function fillRows(out: usize, row: usize, R: i32, C: i32): void {
  for (let r = 0; r < R; r++, out += bytes(C)) memory.copy(out, row, bytes(C));
}

/**
 * sums (C) += all rows of a, R rows of C columns, `stride` floats apart. Takes four rows at a time, to read and write the sums
 * less often.
 */
export function sumRows(sums: usize, a: usize, R: i32, C: i32, stride: i32): void {
  const row = bytes(stride);
  let r = 0;
  for (; r + 4 <= R; r += 4, a += 4 * row) {
    let s = sums;
    let p = a;
    const end = sums + bytes(C);
    for (; s + 16 <= end; s += 16, p += 16) {
      const two = f32x4.add(v128.load(p), v128.load(p + row));
      const four = f32x4.add(two, f32x4.add(v128.load(p + 2 * row), v128.load(p + 3 * row)));
      v128.store(s, f32x4.add(v128.load(s), four));
    }
    for (; s < end; s += 4, p += 4) {
      const four = f32.load(p) + f32.load(p + row) + (f32.load(p + 2 * row) + f32.load(p + 3 * row));
      f32.store(s, f32.load(s) + four);
    }
  }
  for (; r < R; r++, a += row) add(sums, sums, a, C);
}

/** Row r of out (R, C) = row ids[r] of the table. */
export function gatherRows(out: usize, table: usize, ids: usize, R: i32, C: i32): void {
  for (let r = 0; r < R; r++, out += bytes(C), ids += 4) memory.copy(out, table + (<usize>i32.load(ids)) * bytes(C), bytes(C));
}

/** Row ids[r] of the table += row r of a (R, C). */
export function scatterAddRows(table: usize, ids: usize, a: usize, R: i32, C: i32): void {
  for (let r = 0; r < R; r++, a += bytes(C), ids += 4) {
    const to = table + (<usize>i32.load(ids)) * bytes(C);
    add(to, to, a, C);
  }
}
