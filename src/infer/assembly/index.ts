/** The WebAssembly module of unspool/infer; simd.ts calls it. Addresses are in bytes, sizes in floats. */
export { lstmCell } from '../../kernels/wasm/assembly/cell';
export { int8Product } from './int8';
import { laneSums } from './lanes';

/** The product of K numbers with K others, from k on. */
// @ts-ignore: decorator
@inline
function rest(x: usize, w: usize, k: i32, K: i32): f32 {
  let sum: f32 = 0;
  for (; k < K; k++) sum += f32.load(x + ((<usize>k) << 2)) * f32.load(w + ((<usize>k) << 2));
  return sum;
}

/** y += x W' for `rows` rows of K numbers; W has `outputs` rows of K. Four outputs at a time, four numbers of each. */
export function product(y: usize, x: usize, w: usize, rows: i32, outputs: i32, K: i32): void {
  const row = (<usize>K) << 2;
  const whole = K & ~3;
  for (let n = 0; n < rows; n++, x += row) {
    let p = w;
    let o = 0;
    for (; o + 4 <= outputs; o += 4, p += 4 * row, y += 16) {
      let a = f32x4.splat(0);
      let b = f32x4.splat(0);
      let c = f32x4.splat(0);
      let d = f32x4.splat(0);
      for (let k = 0; k < whole; k += 4) {
        const at = (<usize>k) << 2;
        const v = v128.load(x + at);
        a = f32x4.add(a, f32x4.mul(v, v128.load(p + at)));
        b = f32x4.add(b, f32x4.mul(v, v128.load(p + row + at)));
        c = f32x4.add(c, f32x4.mul(v, v128.load(p + 2 * row + at)));
        d = f32x4.add(d, f32x4.mul(v, v128.load(p + 3 * row + at)));
      }
      let sums = laneSums(a, b, c, d);
      if (whole < K) {
        let more = f32x4.splat(rest(x, p, whole, K));
        more = f32x4.replace_lane(more, 1, rest(x, p + row, whole, K));
        more = f32x4.replace_lane(more, 2, rest(x, p + 2 * row, whole, K));
        more = f32x4.replace_lane(more, 3, rest(x, p + 3 * row, whole, K));
        sums = f32x4.add(sums, more);
      }
      v128.store(y, f32x4.add(v128.load(y), sums));
    }
    for (; o < outputs; o++, p += row, y += 4) f32.store(y, f32.load(y) + rest(x, p, 0, K));
  }
}
