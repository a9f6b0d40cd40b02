/** Clipping and the parameter updates of a whole arena. src/optim has the formulas. */
import { bytes, loadSome, storeSome } from './lanes';
import { flush } from './math';

/** Sum of squares in double precision. */
export function sumSquares(a: usize, count: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(a + bytes(i));
    const x = f64x2.promote_low_f32x4(v);
    const y = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(x, x));
    high = f64x2.add(high, f64x2.mul(y, y));
  }
  const both = f64x2.add(low, high);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; i < count; i++) {
    const v = <f64>f32.load(a + bytes(i));
    sum += v * v;
  }
  return sum;
}

export function scale(a: usize, factor: f32, count: i32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(a + bytes(i), f32x4.mul(v128.load(a + bytes(i)), f));
  for (; i < count; i++) f32.store(a + bytes(i), f32.load(a + bytes(i)) * factor);
}

export function clipValue(a: usize, limit: f32, count: i32): void {
  const high = f32x4.splat(limit);
  const low = f32x4.splat(-limit);
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(a + bytes(i), f32x4.min(high, f32x4.max(low, v128.load(a + bytes(i)))));
  for (; i < count; i++) f32.store(a + bytes(i), f32.min(limit, f32.max(-limit, f32.load(a + bytes(i)))));
}

/** w -= learningRate * direction. `u`, the velocity, is 0 without momentum. */
export function sgd(
  w: usize, g: usize, u: usize, count: i32, learningRate: f32, momentum: f32, dampening: f32, nesterov: bool, decay: f32, first: bool,
): void {
  for (let i = 0; i < count; i++) {
    const p = f32.load(w + bytes(i));
    let d = f32.load(g + bytes(i)) + decay * p;
    if (u) {
      const next = first ? d : momentum * f32.load(u + bytes(i)) + (1 - dampening) * d;
      f32.store(u + bytes(i), next);
      d = nesterov ? d + momentum * next : next;
    }
    f32.store(w + bytes(i), p - learningRate * d);
  }
}

/**
 * m = b1 m + (1-b1) d;  v = b2 v + (1-b2) d^2;  w = shrink w - size m / (sqrt(v) / correct2 + eps), d = g + l2 w,
 * size = learningRate / (1-b1^t), correct2 = sqrt(1-b2^t). `one1` and `one2` are 1-b1 and 1-b2, rounded from double.
 */
export function adam(
  w: usize, g: usize, m: usize, v: usize, count: i32, b1: f32, one1: f32, b2: f32, one2: f32, size: f32, correct2: f32,
  eps: f32, shrink: f32, l2: f32,
): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = bytes(i);
    const p = v128.load(w + at);
    const d = f32x4.add(v128.load(g + at), f32x4.mul(f32x4.splat(l2), p));
    const mean = flush(f32x4.add(f32x4.mul(f32x4.splat(b1), v128.load(m + at)), f32x4.mul(f32x4.splat(one1), d)));
    const square = flush(f32x4.add(f32x4.mul(f32x4.splat(b2), v128.load(v + at)), f32x4.mul(f32x4.splat(one2), f32x4.mul(d, d))));
    v128.store(m + at, mean);
    v128.store(v + at, square);
    const root = f32x4.add(f32x4.div(f32x4.sqrt(square), f32x4.splat(correct2)), f32x4.splat(eps));
    const next = f32x4.sub(f32x4.mul(f32x4.splat(shrink), p), f32x4.div(f32x4.mul(f32x4.splat(size), mean), root));
    v128.store(w + at, next);
  }
  for (; i < count; i++) {
    const at = bytes(i);
    const p = f32.load(w + at);
    const d = f32.load(g + at) + l2 * p;
    const mean = b1 * f32.load(m + at) + one1 * d;
    const square = b2 * f32.load(v + at) + one2 * d * d;
    f32.store(m + at, mean);
    f32.store(v + at, square);
    f32.store(w + at, shrink * p - (size * mean) / (f32.sqrt(square) / correct2 + eps));
  }
}

// The following run once per update: a single loop for whole vectors and the last few elements keeps the module small.

// @ts-ignore: decorator
@inline
function lanesAt(i: i32, count: i32): i32 {
  return count - i < 4 ? count - i : 4;
}

/** out = decay out + scale a b */
export function mixProduct(out: usize, decay: f32, scale: f32, a: usize, b: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = bytes(i);
    const lanes = lanesAt(i, count);
    const product = f32x4.mul(f32x4.mul(f32x4.splat(scale), loadSome(a + at, lanes)), loadSome(b + at, lanes));
    storeSome(out + at, flush(f32x4.add(f32x4.mul(f32x4.splat(decay), loadSome(out + at, lanes)), product)), lanes);
  }
}

/** out = sqrt(a + inside) + outside */
export function root(out: usize, a: usize, inside: f32, outside: f32, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const lanes = lanesAt(i, count);
    const under = f32x4.add(loadSome(a + bytes(i), lanes), f32x4.splat(inside));
    storeSome(out + bytes(i), f32x4.add(f32x4.sqrt(under), f32x4.splat(outside)), lanes);
  }
}

/** out += scale a / b */
export function addQuotient(out: usize, scale: f32, a: usize, b: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = bytes(i);
    const lanes = lanesAt(i, count);
    const quotient = f32x4.div(f32x4.mul(f32x4.splat(scale), loadSome(a + at, lanes)), loadSome(b + at, lanes));
    storeSome(out + at, f32x4.add(loadSome(out + at, lanes), quotient), lanes);
  }
}

export function maximum(out: usize, a: usize, b: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = bytes(i);
    const lanes = lanesAt(i, count);
    storeSome(out + at, f32x4.max(loadSome(a + at, lanes), loadSome(b + at, lanes)), lanes);
  }
}

/** -1, 0 or 1; NaN stays NaN. */
export function sign(out: usize, a: usize, count: i32): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  for (let i = 0; i < count; i += 4) {
    const lanes = lanesAt(i, count);
    const v = loadSome(a + bytes(i), lanes);
    const signs = f32x4.sub(v128.and(one, f32x4.gt(v, zero)), v128.and(one, f32x4.lt(v, zero)));
    storeSome(out + bytes(i), v128.bitselect(signs, v, f32x4.eq(v, v)), lanes);
  }
}
