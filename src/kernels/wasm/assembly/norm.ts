/**
 * Layer normalization of each row (N1), with sums in double precision. kernels/reference/norm.ts has the equations.
 *
 * Each sum adds a row's elements in order. An addition waits for the one before it, so four rows are summed side by side, as two
 * pairs. In the last group, the last row is repeated; a single row is summed alone.
 */
import { LN_EPSILON } from '../../../contract/constants';
import { bytes, load, store, Workspace } from './lanes';

/** Where the sums of four rows are: doubles. */
const MEANS: usize = Workspace.first;
const SQUARES: usize = Workspace.first + 32;
const ALONG: usize = Workspace.second;

/** Writes the mean of one row. */
function mean(a: usize, C: i32): void {
  let sum: f64 = 0;
  const end = bytes(C);
  for (let c: usize = 0; c < end; c += 4) sum += <f64>f32.load(a + c);
  f64.store(MEANS, sum / <f64>C);
}

/** Writes the sum of (x - mean)^2 of one row. */
function square(a: usize, C: i32): void {
  const m = f64.load(MEANS);
  let sum: f64 = 0;
  const end = bytes(C);
  for (let c: usize = 0; c < end; c += 4) {
    const e = <f64>f32.load(a + c) - m;
    sum += e * e;
  }
  f64.store(SQUARES, sum);
}

/** The address of row `r`, or of the last row if there are fewer. */
// @ts-ignore: decorator
@inline
function rowAt(a: usize, r: i32, R: i32, C: i32): usize {
  return a + bytes(min(r, R - 1) * C);
}

/** Two doubles: of the first two lanes, or of the last two. */
// @ts-ignore: decorator
@inline
function low(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}

// @ts-ignore: decorator
@inline
function high(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
}

/** The first element of two rows, as doubles. */
// @ts-ignore: decorator
@inline
function pair(p: usize, q: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load_lane<f32>(q, v128.load32_zero(p), 1));
}

/** (x - mean) of four elements, which are rounded after the difference: rounding a large mean first would lose digits. */
// @ts-ignore: decorator
@inline
function centered(x: v128, mean: v128): v128 {
  const first = f32x4.demote_f64x2_zero(f64x2.sub(low(x), mean));
  return v128.shuffle<f32>(first, f32x4.demote_f64x2_zero(f64x2.sub(high(x), mean)), 0, 1, 4, 5);
}

/** Writes the means of the rows r to r + 3. */
function means(a: usize, r: i32, R: i32, C: i32): void {
  if (r == R - 1) return mean(rowAt(a, r, R, C), C);
  const a0 = rowAt(a, r, R, C);
  const a1 = rowAt(a, r + 1, R, C);
  const a2 = rowAt(a, r + 2, R, C);
  const a3 = rowAt(a, r + 3, R, C);
  let first = f64x2.splat(0);
  let second = first;
  const end = bytes(C);
  for (let c: usize = 0; c < end; c += 4) {
    first = f64x2.add(first, pair(a0 + c, a1 + c));
    second = f64x2.add(second, pair(a2 + c, a3 + c));
  }
  const count = f64x2.splat(<f64>C);
  v128.store(MEANS, f64x2.div(first, count));
  v128.store(MEANS, f64x2.div(second, count), 16);
}

/** Writes their sums of (x - mean)^2. */
function squares(a: usize, r: i32, R: i32, C: i32): void {
  if (r == R - 1) return square(rowAt(a, r, R, C), C);
  const a0 = rowAt(a, r, R, C);
  const a1 = rowAt(a, r + 1, R, C);
  const a2 = rowAt(a, r + 2, R, C);
  const a3 = rowAt(a, r + 3, R, C);
  const m0 = v128.load(MEANS);
  const m1 = v128.load(MEANS, 16);
  let first = f64x2.splat(0);
  let second = first;
  const end = bytes(C);
  for (let c: usize = 0; c < end; c += 4) {
    const e0 = f64x2.sub(pair(a0 + c, a1 + c), m0);
    const e1 = f64x2.sub(pair(a2 + c, a3 + c), m1);
    first = f64x2.add(first, f64x2.mul(e0, e0));
    second = f64x2.add(second, f64x2.mul(e1, e1));
  }
  v128.store(SQUARES, first);
  v128.store(SQUARES, second, 16);
}

export function layerNorm(out: usize, stats: usize, a: usize, gain: usize, bias: usize, R: i32, C: i32, accumulate: bool): void {
  for (let r = 0; r < R; r++) {
    const slot = <usize>(r & 3) << 3;
    if (slot == 0) {
      means(a, r, R, C);
      squares(a, r, R, C);
    }
    const center = f64.load(MEANS + slot);
    const root = <f32>(1 / sqrt<f64>(f64.load(SQUARES + slot) / <f64>C + LN_EPSILON));
    f32.store(stats + bytes(2 * r), <f32>center);
    f32.store(stats + bytes(2 * r + 1), root);
    normalize(out + bytes(r * C), a + bytes(r * C), gain, bias, C, f64x2.splat(center), f32x4.splat(root), accumulate);
  }
}

function normalize(out: usize, a: usize, gain: usize, bias: usize, C: i32, center: v128, root: v128, accumulate: bool): void {
  for (let c = 0; c < C; c += 4) {
    const lanes = min(4, C - c);
    const at = bytes(c);
    const n = f32x4.mul(centered(load(a + at, lanes), center), root);
    const value = f32x4.add(f32x4.mul(load(gain + at, lanes), n), load(bias + at, lanes));
    store(out + at, accumulate ? f32x4.add(load(out + at, lanes), value) : value, lanes);
  }
}

/** sum + x + y of two rows, in the order of their `lanes` elements: two rows' sums, in doubles. */
// @ts-ignore: decorator
@inline
function addInOrder(sum: v128, even: v128, odd: v128, lanes: i32): v128 {
  sum = f64x2.add(sum, low(even));
  if (lanes > 1) sum = f64x2.add(sum, high(even));
  if (lanes > 2) sum = f64x2.add(sum, low(odd));
  if (lanes > 3) sum = f64x2.add(sum, high(odd));
  return sum;
}

// @ts-ignore: decorator
@inline
function addProducts(sum: v128, even: v128, odd: v128, evenN: v128, oddN: v128, lanes: i32): v128 {
  sum = f64x2.add(sum, f64x2.mul(low(even), low(evenN)));
  if (lanes > 1) sum = f64x2.add(sum, f64x2.mul(high(even), high(evenN)));
  if (lanes > 2) sum = f64x2.add(sum, f64x2.mul(low(odd), low(oddN)));
  if (lanes > 3) sum = f64x2.add(sum, f64x2.mul(high(odd), high(oddN)));
  return sum;
}

/** Writes the sums of dn and of dn * n of the rows p and q. */
function gradSums(a: usize, dout: usize, stats: usize, gain: usize, p: i32, q: i32, C: i32, slot: usize): void {
  const ap = a + bytes(p * C);
  const aq = a + bytes(q * C);
  const dp = dout + bytes(p * C);
  const dq = dout + bytes(q * C);
  const meanP = v128.load64_splat(MEANS + slot);
  const meanQ = v128.load64_splat(MEANS + slot, 8);
  const rootP = v128.load32_splat(stats + bytes(2 * p + 1));
  const rootQ = v128.load32_splat(stats + bytes(2 * q + 1));
  let sum = f64x2.splat(0);
  let along = sum;
  for (let c = 0; c < C; c += 4) {
    const lanes = min(4, C - c);
    const at = bytes(c);
    const g = load(gain + at, lanes);
    const nP = f32x4.mul(centered(load(ap + at, lanes), meanP), rootP);
    const nQ = f32x4.mul(centered(load(aq + at, lanes), meanQ), rootQ);
    const dnP = f32x4.mul(load(dp + at, lanes), g);
    const dnQ = f32x4.mul(load(dq + at, lanes), g);
    // Elements 0 and 1 of both rows side by side, and 2 and 3.
    const even = v128.shuffle<f32>(dnP, dnQ, 0, 4, 1, 5);
    const odd = v128.shuffle<f32>(dnP, dnQ, 2, 6, 3, 7);
    sum = addInOrder(sum, even, odd, lanes);
    along = addProducts(
      along, even, odd, v128.shuffle<f32>(nP, nQ, 0, 4, 1, 5), v128.shuffle<f32>(nP, nQ, 2, 6, 3, 7), lanes,
    );
  }
  v128.store(SQUARES + slot, sum);
  v128.store(ALONG + slot, along);
}

export function layerNormGrad(
  da: usize, dgain: usize, dbias: usize, dout: usize, stats: usize, a: usize, gain: usize, R: i32, C: i32, accumulate: bool,
): void {
  for (let r = 0; r < R; r++) {
    const slot = <usize>(r & 3) << 3;
    if (slot == 0) means(a, r, R, C); // again, because stats has them rounded
    if ((r & 1) == 0) gradSums(a, dout, stats, gain, r, min(r + 1, R - 1), C, slot);
    const root = f32x4.splat(f32.load(stats + bytes(2 * r + 1)));
    const center = f64x2.splat(f64.load(MEANS + slot));
    const meanDn = f32x4.splat(<f32>(f64.load(SQUARES + slot) / <f64>C));
    const meanAlong = f32x4.splat(<f32>(f64.load(ALONG + slot) / <f64>C));
    const row = bytes(r * C);
    for (let c = 0; c < C; c += 4) {
      const lanes = min(4, C - c);
      const at = bytes(c);
      const n = f32x4.mul(centered(load(a + row + at, lanes), center), root);
      const dy = load(dout + row + at, lanes);
      store(dgain + at, f32x4.add(load(dgain + at, lanes), f32x4.mul(dy, n)), lanes);
      store(dbias + at, f32x4.add(load(dbias + at, lanes), dy), lanes);
      const dn = f32x4.mul(dy, load(gain + at, lanes));
      const now = f32x4.mul(root, f32x4.sub(f32x4.sub(dn, meanDn), f32x4.mul(n, meanAlong)));
      store(da + row + at, accumulate ? f32x4.add(load(da + row + at, lanes), now) : now, lanes);
    }
  }
}
