/**
 * Products with int8 weights: y += x W', W = scale * q with one scale per row. x is rounded to 16 bits of its largest number first,
 * so that one instruction multiplies and adds eight numbers; the rounding of the weights is 256 times as large.
 */

import { laneSums } from './lanes';

/** The numbers of a row that sums of 32 bits hold in any case: 2048 / 4 products of a lane, each of at most 32767 * 127. */
const CHUNK: usize = 2048;

/** sum + the products of 16 weights with 16 numbers. */
// @ts-ignore: decorator
@inline
function dot16(sum: v128, w: usize, low: v128, high: v128): v128 {
  const q = v128.load(w);
  sum = i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(q), low));
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(q), high));
}

/** Writes K numbers of x as integers of 16 bits; returns what an integer is worth. */
function round16(out: usize, x: usize, K: i32): f32 {
  const whole = K & ~7;
  let most = f32x4.splat(0);
  for (let k = 0; k < whole; k += 4) most = f32x4.max(most, f32x4.abs(v128.load(x + ((<usize>k) << 2))));
  let largest = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  for (let k = whole; k < K; k++) largest = max(largest, abs(f32.load(x + ((<usize>k) << 2))));
  const unit = largest / 32767;
  const factor: f32 = unit > 0 ? 1 / unit : 0;
  const factors = f32x4.splat(factor);
  for (let k = 0; k < whole; k += 8) {
    const from = x + ((<usize>k) << 2);
    const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(factors, v128.load(from))));
    const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(factors, v128.load(from, 16))));
    v128.store(out + ((<usize>k) << 1), i16x8.narrow_i32x4_s(a, b));
  }
  for (let k = whole; k < K; k++) {
    const value = f32x4.splat(nearest(factor * f32.load(x + ((<usize>k) << 2))));
    i32.store16(out + ((<usize>k) << 1), i32x4.extract_lane(i32x4.trunc_sat_f32x4_s(value), 0));
  }
  return unit;
}

/**
 * y += x W' for `rows` rows of K numbers. W has `outputs` rows of int8, each padded with zeros to a multiple of 16, and rows of zeros
 * up to a multiple of 4, as the scales have. `work` holds a row of x as integers; it is padded in the same way.
 */
export function int8Product(y: usize, x: usize, w: usize, scales: usize, work: usize, rows: i32, outputs: i32, K: i32): void {
  const width = ((<usize>K) + 15) & ~15;
  for (let n = 0; n < rows; n++, x += (<usize>K) << 2) {
    const unit = f32x4.splat(round16(work, x, K));
    let p = w;
    for (let o = 0; o < outputs; o += 4, p += 4 * width) {
      let sums = f32x4.splat(0);
      for (let from: usize = 0; from < width; from += CHUNK) {
        const to = min(width, from + CHUNK);
        let a = i32x4.splat(0);
        let b = i32x4.splat(0);
        let c = i32x4.splat(0);
        let d = i32x4.splat(0);
        for (let k = from; k < to; k += 16) {
          const low = v128.load(work + 2 * k);
          const high = v128.load(work + 2 * k, 16);
          a = dot16(a, p + k, low, high);
          b = dot16(b, p + width + k, low, high);
          c = dot16(c, p + 2 * width + k, low, high);
          d = dot16(d, p + 3 * width + k, low, high);
        }
        sums = f32x4.add(
          sums,
          laneSums(
            f32x4.convert_i32x4_s(a),
            f32x4.convert_i32x4_s(b),
            f32x4.convert_i32x4_s(c),
            f32x4.convert_i32x4_s(d),
          ),
        );
      }
      const scale = f32x4.mul(unit, v128.load(scales + ((<usize>o) << 2)));
      sums = f32x4.mul(sums, scale);
      if (o + 4 <= outputs) {
        v128.store(y, f32x4.add(v128.load(y), sums));
        y += 16;
      } else {
        for (let left = outputs - o; left > 0; left--, y += 4) {
          f32.store(y, f32.load(y) + f32x4.extract_lane(sums, 0));
          sums = v128.shuffle<f32>(sums, sums, 1, 2, 3, 0);
        }
      }
    }
  }
}
