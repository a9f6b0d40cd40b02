/**
 * Activations of four lanes. For each name of ACTIVATIONS there is a function NAMEValue, f(x), and a function NAMESlope, f'(x)
 * computed from s = f(x). contract.ts, which is generated, calls them by name.
 */
import { exp, sigmoid, tanh } from './math';

// @ts-ignore: decorator
@external('env', 'log')
declare function log(x: f64): f64;

// @ts-ignore: decorator
@inline
function positive(x: v128): v128 {
  return f32x4.gt(x, f32x4.splat(0));
}

export function sigmoidValue(x: v128, alpha: f32, beta: f32): v128 {
  return sigmoid(x);
}

export function sigmoidSlope(s: v128, alpha: f32, beta: f32): v128 {
  return f32x4.mul(s, f32x4.sub(f32x4.splat(1), s));
}

export function tanhValue(x: v128, alpha: f32, beta: f32): v128 {
  return tanh(x);
}

export function tanhSlope(s: v128, alpha: f32, beta: f32): v128 {
  return f32x4.sub(f32x4.splat(1), f32x4.mul(s, s));
}

export function identityValue(x: v128, alpha: f32, beta: f32): v128 {
  return x;
}

export function identitySlope(s: v128, alpha: f32, beta: f32): v128 {
  return f32x4.splat(1);
}

export function reluValue(x: v128, alpha: f32, beta: f32): v128 {
  return f32x4.max(f32x4.splat(0), x);
}

export function reluSlope(s: v128, alpha: f32, beta: f32): v128 {
  return v128.and(f32x4.splat(1), positive(s));
}

export function affineValue(x: v128, alpha: f32, beta: f32): v128 {
  return f32x4.add(f32x4.mul(f32x4.splat(alpha), x), f32x4.splat(beta));
}

export function affineSlope(s: v128, alpha: f32, beta: f32): v128 {
  return f32x4.splat(alpha);
}

export function leakyReluValue(x: v128, alpha: f32, beta: f32): v128 {
  return v128.bitselect(x, f32x4.mul(f32x4.splat(alpha), x), positive(x));
}

export function leakyReluSlope(s: v128, alpha: f32, beta: f32): v128 {
  return v128.bitselect(f32x4.splat(1), f32x4.splat(alpha), positive(s));
}

export function thresholdedReluValue(x: v128, alpha: f32, beta: f32): v128 {
  return v128.bitselect(x, f32x4.splat(0), v128.not(f32x4.le(x, f32x4.splat(alpha))));
}

export function thresholdedReluSlope(s: v128, alpha: f32, beta: f32): v128 {
  return v128.and(f32x4.splat(1), f32x4.ne(s, f32x4.splat(0)));
}

export function scaledTanhValue(x: v128, alpha: f32, beta: f32): v128 {
  return f32x4.mul(f32x4.splat(alpha), tanh(f32x4.mul(f32x4.splat(beta), x)));
}

export function scaledTanhSlope(s: v128, alpha: f32, beta: f32): v128 {
  const a = f32x4.splat(alpha);
  return f32x4.mul(f32x4.splat(beta), f32x4.sub(a, f32x4.div(f32x4.mul(s, s), a)));
}

export function hardSigmoidValue(x: v128, alpha: f32, beta: f32): v128 {
  const line = f32x4.add(f32x4.mul(f32x4.splat(alpha), x), f32x4.splat(beta));
  return f32x4.min(f32x4.splat(1), f32x4.max(f32x4.splat(0), line));
}

export function hardSigmoidSlope(s: v128, alpha: f32, beta: f32): v128 {
  return v128.and(f32x4.splat(alpha), v128.and(positive(s), f32x4.lt(s, f32x4.splat(1))));
}

export function eluValue(x: v128, alpha: f32, beta: f32): v128 {
  const negative = f32x4.mul(f32x4.splat(alpha), f32x4.sub(exp(x), f32x4.splat(1)));
  return v128.bitselect(x, negative, positive(x));
}

export function eluSlope(s: v128, alpha: f32, beta: f32): v128 {
  return v128.bitselect(f32x4.splat(1), f32x4.add(s, f32x4.splat(alpha)), positive(s));
}

export function softsignValue(x: v128, alpha: f32, beta: f32): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), f32x4.abs(x)));
}

export function softsignSlope(s: v128, alpha: f32, beta: f32): v128 {
  const rest = f32x4.sub(f32x4.splat(1), f32x4.abs(s));
  return f32x4.mul(rest, rest);
}

/** max(x, 0) + log(1 + e^-|x|), one lane at a time because SIMD has no logarithm. */
export function softplusValue(x: v128, alpha: f32, beta: f32): v128 {
  let out = f32x4.max(x, f32x4.splat(0));
  const e = exp(f32x4.neg(f32x4.abs(x)));
  out = f32x4.replace_lane(out, 0, f32x4.extract_lane(out, 0) + <f32>log(1 + <f64>f32x4.extract_lane(e, 0)));
  out = f32x4.replace_lane(out, 1, f32x4.extract_lane(out, 1) + <f32>log(1 + <f64>f32x4.extract_lane(e, 1)));
  out = f32x4.replace_lane(out, 2, f32x4.extract_lane(out, 2) + <f32>log(1 + <f64>f32x4.extract_lane(e, 2)));
  return f32x4.replace_lane(out, 3, f32x4.extract_lane(out, 3) + <f32>log(1 + <f64>f32x4.extract_lane(e, 3)));
}

export function softplusSlope(s: v128, alpha: f32, beta: f32): v128 {
  return f32x4.sub(f32x4.splat(1), exp(f32x4.neg(s)));
}
