/**
 * e^x, sigmoid, tanh and e^x - 1 of four floats, each within 4 units in the last place (ulp) of the exact value for every float32,
 * with denormal results, infinities and -0. `npm run bench -- accuracy` prints the largest errors.
 *
 * Reduction. e^y = 2^n e^r with n = round(y / ln 2) and r = y - n ln 2, |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds a number to an
 * integer n and leaves n in the low bits of the sum, so shifting the sum's bits by 23 moves it to the exponent. ln 2 = C1 + C2:
 * C1 = 355/512 has 9 digits and |n| <= 152 has 8, so n C1 is exact, and so is y - n C1 (Sterbenz). C2, the rest, is below 2^-12:
 * rounding n C2 and the sum adds less than 2^-25 to r. Rounding y / ln 2 may make n the neighbor if |r| is near its limit, which
 * makes |r| larger by a part of 10^5 only.
 *
 * Polynomials. Both are minimax polynomials (Remez) on that interval, with the constant term fixed so that 0 is exact:
 *   e^-r         degree 5, relative error 9.2e-8, 1.6 ulp
 *   e^2h - 1     h (2 + h P(h)), P of degree 4, relative error 1.3e-8, also near h = 0, where the result is 2h
 * A Horner scheme rounds the last terms once each, and the earlier ones count less by the factor |r| <= 0.35: below 1 ulp.
 *
 * `pmin` and `pmax` are one instruction each and return their first operand if it is NaN.
 */

/** x * y + z, rounded once if the relaxed instruction is enabled. */
// @ts-ignore: decorator
@inline
export function fma(x: v128, y: v128, z: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(x, y, z) : f32x4.add(f32x4.mul(x, y), z);
}

const INVERSE_LN2: f32 = 1.4426950408889634;
const LN2: f32 = 0.6931471805599453;
// ROUNDER is 1.5 * 2^23.
const ONE: f32 = 1;
const TWO: f32 = 2;
const LEAST: f32 = 1e-30;
const ROUNDER: f32 = 12582912;
const ROUNDER_MINUS_32: f32 = ROUNDER - 32;
const MINUS_INVERSE_LN_2: f32 = -INVERSE_LN2;
const C2: f32 = -2.12194440054691e-4;
const C1: f32 = 0.693359375;
const E5: f32 = -8.29030969163e-3;
const E4: f32 = 4.18979763813e-2;
const E3: f32 = -1.66676365163e-1;
const E2: f32 = 4.9999149182e-1;
const E1: f32 = -9.99999707043e-1;
const SIGMOID_LOW: f32 = -105;
const SIGMOID_HIGH: f32 = 64;
const TINY: f32 = 2.3283064365386963e-10;
const TANH_LOW: f32 = -16;
const TANH_HIGH: f32 = 10;
const TWO_INVERSE_LN_2: f32 = 2 * INVERSE_LN2;
const MINUS_HALF_LN_2: f32 = -0.5 * LN2;
const P4: f32 = 8.8848153607e-2;
const P3: f32 = 2.67728659822e-1;
const P2: f32 = 6.66675197031e-1;
const P1: f32 = 1.33332348965;
const P0: f32 = 1.99999992617;

/**
 * The constants in memory, for the modules with relaxed SIMD: newer V8 makes a constant vector out of two 64-bit numbers wherever it is
 * used, which takes longer than a load, and cannot fuse it with that of the next vector. Older engines keep constants in registers.
 */
const TABLE: usize = ASC_FEATURE_RELAXED_SIMD ? memory.data<f32>([
  ONE, TWO, LEAST, ROUNDER, ROUNDER_MINUS_32, MINUS_INVERSE_LN_2, C2, C1, E5, E4, E3, E2, E1, SIGMOID_LOW, SIGMOID_HIGH,
  TINY, TANH_LOW, TANH_HIGH, TWO_INVERSE_LN_2, MINUS_HALF_LN_2, P4, P3, P2, P1, P0,
]) : 0;

/** Where each constant is in the table. */
enum At {
  one, two, least, rounder, rounderMinus32, minusInverseLn2, c2, c1, e5, e4, e3, e2, e1, sigmoidLow, sigmoidHigh, tiny,
  tanhLow, tanhHigh, twoInverseLn2, minusHalfLn2, p4, p3, p2, p1, p0,
}

// @ts-ignore: decorator
@inline
function constant(index: At, value: f32): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.load32_splat(TABLE + (<usize>index << 2)) : f32x4.splat(value);
}

// @ts-ignore: decorator
@inline
export function one(): v128 {
  return constant(At.one, ONE);
}

/** x limited to [low, high]. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function limit(x: v128, low: f32, high: f32): v128 {
  return between(x, f32x4.splat(low), f32x4.splat(high));
}

// @ts-ignore: decorator
@inline
function between(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmax(f32x4.pmin(x, high), low);
}

/** The number 2^n, n the integer in the low bits of m. For a NaN, any number. */
// @ts-ignore: decorator
@inline
function powerOf2(m: v128): v128 {
  return i32x4.add(i32x4.shl(m, 23), one()); // the bits of 1 are those of the exponent 0
}

/** 2^power e^-y, if |n + power| <= 126; `rounder` is ROUNDER + power. NaN stays NaN. */
// @ts-ignore: decorator
@inline
function scaledExp(y: v128, rounder: v128): v128 {
  const m = fma(y, constant(At.minusInverseLn2, MINUS_INVERSE_LN_2), rounder);
  const n = f32x4.sub(m, rounder);
  const r = fma(n, constant(At.c2, C2), fma(n, constant(At.c1, C1), y)); // e^-y = 2^n e^-r
  let p = fma(constant(At.e5, E5), r, constant(At.e4, E4));
  p = fma(p, r, constant(At.e3, E3));
  p = fma(p, r, constant(At.e2, E2));
  p = fma(p, r, constant(At.e1, E1));
  p = fma(p, r, one());
  return f32x4.mul(p, powerOf2(m));
}

/**
 * e^-y for y >= 0. The exponent is 32 too large until the last product, which rounds a denormal result once. e^-106 is 0: less
 * than half of the smallest number.
 */
// @ts-ignore: decorator
@inline
export function expMinus(y: v128): v128 {
  return f32x4.mul(scaledExp(f32x4.pmin(y, f32x4.splat(106)), f32x4.splat(ROUNDER + 32)), constant(At.tiny, TINY));
}

/** e^x of one number. The exponent is kept away from its limits until the last product. */
export function exp1(x: f32): f32 {
  const y = limit(f32x4.splat(-x), -106, 106);
  const e = f32x4.extract_lane(scaledExp(y, f32x4.splat(ROUNDER + <f32>(x > 0 ? -32 : 32))), 0);
  return e * <f32>(x > 0 ? 4294967296 : 2.3283064365386963e-10);
}

// @ts-ignore: decorator
@external('env', 'log')
declare function log(x: f64): f64;

/** log(1 + x) for x >= 0. Adding 1 to a small x would lose its digits; below 2^-24, the result is x - x^2 / 2 + ..., which rounds to x. */
export function log1p(x: f64): f64 {
  return x < 5.9604644775390625e-8 ? x : log(1 + x);
}

/**
 * 1 / (1 + e^-x), computed as s / (s + s e^-x) with s = 2^-32: the sum is finite down to x = -105, where the quotient has passed
 * the smallest denormal number. From 64 on, the result is 1. The error is that of e^-x, of the sum (1/2) and of the quotient (1/2).
 */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const s = constant(At.tiny, TINY);
  const y = between(x, constant(At.sigmoidLow, SIGMOID_LOW), constant(At.sigmoidHigh, SIGMOID_HIGH));
  return f32x4.div(s, f32x4.add(s, scaledExp(y, constant(At.rounderMinus32, ROUNDER_MINUS_32))));
}

/**
 * e^2x - 1 for x <= 10; larger x count as 10. With 2x = n ln 2 + 2h: 2^n (e^2h - 1) - (1 - 2^n). The second term is exact or
 * negligible. Near 0, n = 0 and the result is e^2h - 1 with its small relative error. For other n, the difference of the two terms
 * is not below 0.29, against an error of the first of 1 ulp of at most 0.41 * 2^n. Here ln 2 needs only one part: n ln 2 is exact for
 * n = 1 and 2, and for n = 3 its error of 2^-23, like those of all later n, affects a tanh near 1 by less than 1/2 ulp.
 */
// @ts-ignore: decorator
@inline
export function exp2xMinus1(x: v128): v128 {
  const rounder = constant(At.rounder, ROUNDER);
  const y = between(x, constant(At.tanhLow, TANH_LOW), constant(At.tanhHigh, TANH_HIGH));
  const m = fma(y, constant(At.twoInverseLn2, TWO_INVERSE_LN_2), rounder);
  const n = f32x4.sub(m, rounder);
  const h = fma(n, constant(At.minusHalfLn2, MINUS_HALF_LN_2), y);
  let p = fma(constant(At.p4, P4), h, constant(At.p3, P3));
  p = fma(p, h, constant(At.p2, P2));
  p = fma(p, h, constant(At.p1, P1));
  p = fma(p, h, constant(At.p0, P0));
  const q = fma(f32x4.mul(h, h), p, f32x4.add(h, h));
  const power = powerOf2(m);
  return f32x4.sub(f32x4.mul(power, q), f32x4.sub(one(), power)); // this order keeps the sign of -0
}

/** u / (u + 2) with u = e^2x - 1. It is x near 0, because u is. At 10 it is 1. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const u = exp2xMinus1(x);
  return f32x4.div(u, f32x4.add(u, constant(At.two, TWO)));
}

/**
 * Replaces numbers below 1e-30 by 0: below 1e-38 they would be denormal, which are a hundred times slower to compute with.
 * Keeps NaN.
 */
// @ts-ignore: decorator
@inline
export function flush(x: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), constant(At.least, LEAST)));
}

/** The sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function total(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}
