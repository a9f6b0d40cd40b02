/**
 * e^x, sigmoid and tanh of four floats.
 *
 * 2^t = 2^n * 2^r with n = round(t), |r| <= 1/2. Adding 1.5 * 2^23 rounds t to an integer and leaves n in the low
 * bits of the sum; 2^r is a polynomial of degree 6 (the minimax one of 2^r on [-1/2, 1/2], relative error 1e-8); n is
 * added to the exponent bits. `pmin` and `pmax` are one instruction each and return a NaN of their second operand.
 */

/** x * y + z, rounded once if the relaxed instruction is enabled. */
// @ts-ignore: decorator
@inline
export function fma(x: v128, y: v128, z: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(x, y, z) : f32x4.add(f32x4.mul(x, y), z);
}

/** 2^t, with t clamped to [-126, 126]. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function exp2(t: v128): v128 {
  const cut = f32x4.pmax(f32x4.splat(-126), f32x4.pmin(f32x4.splat(126), t));
  const magic = f32x4.splat(12582912.0);
  const m = f32x4.add(cut, magic);
  const r = f32x4.sub(cut, f32x4.sub(m, magic));
  let p = fma(f32x4.splat(1.535336188319500e-4), r, f32x4.splat(1.339887440266574e-3));
  p = fma(p, r, f32x4.splat(9.618437357674640e-3));
  p = fma(p, r, f32x4.splat(5.550332471162809e-2));
  p = fma(p, r, f32x4.splat(2.402264791363012e-1));
  p = fma(p, r, f32x4.splat(6.931472028550421e-1));
  p = fma(p, r, f32x4.splat(1));
  const power = i32x4.add(p, i32x4.shl(m, 23));
  return v128.bitselect(power, t, f32x4.eq(t, t));
}

const LOG2E: f32 = 1.4426950408889634;

// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  return exp2(f32x4.mul(x, f32x4.splat(LOG2E)));
}

/** 1 / (1 + e^-x) */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp2(f32x4.mul(x, f32x4.splat(-LOG2E)))));
}

/** 2 / (1 + e^-2x) - 1, with the absolute error of one float32 rounding, also near 0. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = exp2(f32x4.mul(x, f32x4.splat(-2 * LOG2E)));
  return f32x4.sub(f32x4.div(f32x4.splat(2), f32x4.add(one, e)), one);
}

/**
 * Replaces numbers below 1e-30 by 0: below 1e-38 they would be denormal, which are a hundred times slower to compute with.
 * Keeps NaN.
 */
// @ts-ignore: decorator
@inline
export function flush(x: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(1e-30)));
}

/** The sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function total(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}
