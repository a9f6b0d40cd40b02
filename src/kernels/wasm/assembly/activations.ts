/**
 * Activations of four lanes. For each name of ACTIVATIONS there is a function NAMEValue, f(x), and a function NAMESlope, f'(x)
 * computed from s = f(x). contract.ts, which is generated, has a loop over a row for each of them.
 */
import { exp2xMinus1, expMinus, limit, log1p, sigmoid, tanh } from './math';

// @ts-ignore: decorator
@inline
function positive(x: v128): v128 {
  return f32x4.gt(x, f32x4.splat(0));
}

/** alpha x + beta of two lanes, in double precision, because the sum of two large terms may be small. */
// @ts-ignore: decorator
@inline
function halfLine(x: v128, alpha: f64, beta: f64): v128 {
  const y = f64x2.add(f64x2.mul(f64x2.splat(alpha), f64x2.promote_low_f32x4(x)), f64x2.splat(beta));
  return f32x4.demote_f64x2_zero(y);
}

function line(x: v128, alpha: f64, beta: f64): v128 {
  const high = halfLine(v128.shuffle<f32>(x, x, 2, 3, 2, 3), alpha, beta);
  return v128.shuffle<f32>(halfLine(x, alpha, beta), high, 0, 1, 4, 5);
}

// @ts-ignore: decorator
@inline
export function sigmoidValue(x: v128, alpha: f64, beta: f64): v128 {
  return sigmoid(x);
}

// @ts-ignore: decorator
@inline
export function sigmoidSlope(s: v128, alpha: f64, beta: f64): v128 {
  return f32x4.mul(s, f32x4.sub(f32x4.splat(1), s));
}

// @ts-ignore: decorator
@inline
export function tanhValue(x: v128, alpha: f64, beta: f64): v128 {
  return tanh(x);
}

// @ts-ignore: decorator
@inline
export function tanhSlope(s: v128, alpha: f64, beta: f64): v128 {
  return f32x4.sub(f32x4.splat(1), f32x4.mul(s, s));
}

// @ts-ignore: decorator
@inline
export function identityValue(x: v128, alpha: f64, beta: f64): v128 {
  return x;
}

// @ts-ignore: decorator
@inline
export function identitySlope(s: v128, alpha: f64, beta: f64): v128 {
  return f32x4.splat(1);
}

// @ts-ignore: decorator
@inline
export function reluValue(x: v128, alpha: f64, beta: f64): v128 {
  return f32x4.max(f32x4.splat(0), x);
}

// @ts-ignore: decorator
@inline
export function reluSlope(s: v128, alpha: f64, beta: f64): v128 {
  return v128.and(f32x4.splat(1), positive(s));
}

// @ts-ignore: decorator
@inline
export function affineValue(x: v128, alpha: f64, beta: f64): v128 {
  return line(x, alpha, beta);
}

// @ts-ignore: decorator
@inline
export function affineSlope(s: v128, alpha: f64, beta: f64): v128 {
  return f32x4.splat(<f32>alpha);
}

// @ts-ignore: decorator
@inline
export function leakyReluValue(x: v128, alpha: f64, beta: f64): v128 {
  return v128.bitselect(x, f32x4.mul(f32x4.splat(<f32>alpha), x), positive(x));
}

// @ts-ignore: decorator
@inline
export function leakyReluSlope(s: v128, alpha: f64, beta: f64): v128 {
  return v128.bitselect(f32x4.splat(1), f32x4.splat(<f32>alpha), positive(s));
}

// @ts-ignore: decorator
@inline
export function thresholdedReluValue(x: v128, alpha: f64, beta: f64): v128 {
  const rounded = f32x4.splat(<f32>alpha);
  const flat = <f64><f32>alpha > alpha ? f32x4.lt(x, rounded) : f32x4.le(x, rounded); // x <= alpha
  return v128.andnot(x, flat);
}

// @ts-ignore: decorator
@inline
export function thresholdedReluSlope(s: v128, alpha: f64, beta: f64): v128 {
  return v128.and(f32x4.splat(1), f32x4.ne(s, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
export function scaledTanhValue(x: v128, alpha: f64, beta: f64): v128 {
  return f32x4.mul(f32x4.splat(<f32>alpha), tanh(f32x4.mul(f32x4.splat(<f32>beta), x)));
}

// @ts-ignore: decorator
@inline
export function scaledTanhSlope(s: v128, alpha: f64, beta: f64): v128 {
  const a = f32x4.splat(<f32>alpha);
  return f32x4.mul(f32x4.splat(<f32>beta), f32x4.sub(a, f32x4.div(f32x4.mul(s, s), a)));
}

// @ts-ignore: decorator
@inline
export function hardSigmoidValue(x: v128, alpha: f64, beta: f64): v128 {
  return f32x4.min(f32x4.splat(1), f32x4.max(f32x4.splat(0), line(x, alpha, beta)));
}

// @ts-ignore: decorator
@inline
export function hardSigmoidSlope(s: v128, alpha: f64, beta: f64): v128 {
  return v128.and(f32x4.splat(<f32>alpha), v128.and(positive(s), f32x4.lt(s, f32x4.splat(1))));
}

// @ts-ignore: decorator
@inline
export function eluValue(x: v128, alpha: f64, beta: f64): v128 {
  const negative = f32x4.mul(f32x4.splat(<f32>alpha), exp2xMinus1(f32x4.mul(f32x4.splat(0.5), x)));
  return v128.bitselect(x, negative, positive(x));
}

// @ts-ignore: decorator
@inline
export function eluSlope(s: v128, alpha: f64, beta: f64): v128 {
  return v128.bitselect(f32x4.splat(1), f32x4.add(s, f32x4.splat(<f32>alpha)), positive(s));
}

/** The limit keeps an infinity from becoming NaN. From 2^24 on, the result is 1 or -1. */
// @ts-ignore: decorator
@inline
export function softsignValue(x: v128, alpha: f64, beta: f64): v128 {
  const y = limit(x, -f32.MAX_VALUE, f32.MAX_VALUE);
  return f32x4.div(y, f32x4.add(f32x4.splat(1), f32x4.abs(y)));
}

// @ts-ignore: decorator
@inline
export function softsignSlope(s: v128, alpha: f64, beta: f64): v128 {
  const rest = f32x4.sub(f32x4.splat(1), f32x4.abs(s));
  return f32x4.mul(rest, rest);
}

/** max(x, 0) + log(1 + e^-|x|), one lane at a time because SIMD has no logarithm. */
// @ts-ignore: decorator
@inline
export function softplusValue(x: v128, alpha: f64, beta: f64): v128 {
  let out = f32x4.max(x, f32x4.splat(0));
  const e = expMinus(f32x4.abs(x));
  out = f32x4.replace_lane(out, 0, f32x4.extract_lane(out, 0) + <f32>log1p(<f64>f32x4.extract_lane(e, 0)));
  out = f32x4.replace_lane(out, 1, f32x4.extract_lane(out, 1) + <f32>log1p(<f64>f32x4.extract_lane(e, 1)));
  out = f32x4.replace_lane(out, 2, f32x4.extract_lane(out, 2) + <f32>log1p(<f64>f32x4.extract_lane(e, 2)));
  return f32x4.replace_lane(out, 3, f32x4.extract_lane(out, 3) + <f32>log1p(<f64>f32x4.extract_lane(e, 3)));
}

/** 1 - e^-s */
// @ts-ignore: decorator
@inline
export function softplusSlope(s: v128, alpha: f64, beta: f64): v128 {
  return f32x4.neg(exp2xMinus1(f32x4.mul(f32x4.splat(-0.5), s)));
}
