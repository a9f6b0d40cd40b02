/** Activations four at a time, in the order of ACTIVATIONS (contract/kernels.ts); slopes told from the value s = f(x). */
import { exp, sigmoid, tanh } from './math';

// @ts-ignore: decorator
@external('env', 'log')
declare function log(x: f64): f64;

/** max(x, 0) + log(1 + e^-|x|), lane by lane: there is no logarithm of vectors. */
function softplus(x: v128): v128 {
  let out = f32x4.max(x, f32x4.splat(0));
  const e = exp(f32x4.neg(f32x4.abs(x)));
  out = f32x4.replace_lane(out, 0, f32x4.extract_lane(out, 0) + <f32>log(1 + <f64>f32x4.extract_lane(e, 0)));
  out = f32x4.replace_lane(out, 1, f32x4.extract_lane(out, 1) + <f32>log(1 + <f64>f32x4.extract_lane(e, 1)));
  out = f32x4.replace_lane(out, 2, f32x4.extract_lane(out, 2) + <f32>log(1 + <f64>f32x4.extract_lane(e, 2)));
  return f32x4.replace_lane(out, 3, f32x4.extract_lane(out, 3) + <f32>log(1 + <f64>f32x4.extract_lane(e, 3)));
}

export function activate(kind: i32, alpha: f32, beta: f32, x: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const a = f32x4.splat(alpha);
  const b = f32x4.splat(beta);
  const positive = f32x4.gt(x, zero);
  switch (kind) {
    case 0: return sigmoid(x);
    case 1: return tanh(x);
    case 2: return x;
    case 3: return f32x4.max(zero, x);
    case 4: return f32x4.add(f32x4.mul(a, x), b);
    case 5: return v128.bitselect(x, f32x4.mul(a, x), positive);
    case 6: return v128.bitselect(x, zero, v128.not(f32x4.le(x, a)));
    case 7: return f32x4.mul(a, tanh(f32x4.mul(b, x)));
    case 8: return f32x4.min(one, f32x4.max(zero, f32x4.add(f32x4.mul(a, x), b)));
    case 9: return v128.bitselect(x, f32x4.mul(a, f32x4.sub(exp(x), one)), positive);
    case 10: return f32x4.div(x, f32x4.add(one, f32x4.abs(x)));
    default: return softplus(x);
  }
}

export function slopeAt(kind: i32, alpha: f32, beta: f32, s: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const a = f32x4.splat(alpha);
  const positive = f32x4.gt(s, zero);
  const rest = f32x4.sub(one, f32x4.abs(s));
  switch (kind) {
    case 0: return f32x4.mul(s, f32x4.sub(one, s));
    case 1: return f32x4.sub(one, f32x4.mul(s, s));
    case 2: return one;
    case 3: return v128.and(one, positive);
    case 4: return a;
    case 5: return v128.bitselect(one, a, positive);
    case 6: return v128.and(one, f32x4.ne(s, zero));
    case 7: return f32x4.mul(f32x4.splat(beta), f32x4.sub(a, f32x4.div(f32x4.mul(s, s), a)));
    case 8: return v128.and(a, v128.and(positive, f32x4.lt(s, one)));
    case 9: return v128.bitselect(one, f32x4.add(s, a), positive);
    case 10: return f32x4.mul(rest, rest);
    default: return f32x4.sub(one, exp(f32x4.neg(s)));
  }
}
