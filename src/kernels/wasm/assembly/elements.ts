/** Element-wise instructions, four lanes at a time and the last few elements one by one. */
import { bytes } from './lanes';

export function fill(out: usize, value: f32, count: i32): void {
  const v = f32x4.splat(value);
  const end = out + bytes(count);
  for (; out + 16 <= end; out += 16) v128.store(out, v);
  for (; out < end; out += 4) f32.store(out, value);
}

/** out = a + b; in place if out is a or b. */
export function add(out: usize, a: usize, b: usize, count: i32): void {
  const end = out + bytes(count);
  for (; out + 16 <= end; out += 16, a += 16, b += 16) v128.store(out, f32x4.add(v128.load(a), v128.load(b)));
  for (; out < end; out += 4, a += 4, b += 4) f32.store(out, f32.load(a) + f32.load(b));
}

/** out = or += a * b; in place if out is a or b. */
export function multiply(out: usize, a: usize, b: usize, count: i32, accumulate: bool): void {
  const end = out + bytes(count);
  for (; out + 16 <= end; out += 16, a += 16, b += 16) {
    const product = f32x4.mul(v128.load(a), v128.load(b));
    v128.store(out, accumulate ? f32x4.add(v128.load(out), product) : product);
  }
  for (; out < end; out += 4, a += 4, b += 4) {
    const product = f32.load(a) * f32.load(b);
    f32.store(out, accumulate ? f32.load(out) + product : product);
  }
}

/** out = alpha a + beta b; in place if out is a or b. */
export function combine(out: usize, alpha: f32, a: usize, beta: f32, b: usize, count: i32): void {
  const x = f32x4.splat(alpha);
  const y = f32x4.splat(beta);
  const end = out + bytes(count);
  for (; out + 16 <= end; out += 16, a += 16, b += 16) {
    v128.store(out, f32x4.add(f32x4.mul(x, v128.load(a)), f32x4.mul(y, v128.load(b))));
  }
  for (; out < end; out += 4, a += 4, b += 4) f32.store(out, alpha * f32.load(a) + beta * f32.load(b));
}
