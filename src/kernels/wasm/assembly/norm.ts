/**
 * Layer normalization of each row (N1), with sums in double precision. kernels/reference/norm.ts has the equations.
 *
 * Each sum adds a row's elements in order. An addition waits for the one before it, so four rows are summed side by side, as two
 * pairs. In the last group, the last row is repeated.
 */
import { LN_EPSILON } from '../../../contract/constants';
import { bytes, loadSome, storeSome, Workspace } from './lanes';

/** Where the sums of four rows are: doubles. */
const MEANS: usize = Workspace.first;
const SQUARES: usize = Workspace.first + 32;
const ALONG: usize = Workspace.second;

/** The address of row `r`, or of the last row if there are fewer. */
// @ts-ignore: decorator
@inline
function rowAt(a: usize, r: i32, R: i32, C: i32): usize {
  return a + bytes(min(r, R - 1) * C);
}

/** A row's elements, four at a time; `lanes` is constant except for the last one to three. */
// @ts-ignore: decorator
@inline
function load(p: usize, lanes: i32): v128 {
  return lanes == 4 ? v128.load(p) : loadSome(p, lanes);
}

// @ts-ignore: decorator
@inline
function store(p: usize, x: v128, lanes: i32): void {
  if (lanes == 4) v128.store(p, x);
  else storeSome(p, x, lanes);
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

/** Elements 0 and 1 of two rows side by side. */
// @ts-ignore: decorator
@inline
function evenOf(p: v128, q: v128): v128 {
  return v128.shuffle<f32>(p, q, 0, 4, 1, 5);
}

/** Elements 2 and 3. */
// @ts-ignore: decorator
@inline
function oddOf(p: v128, q: v128): v128 {
  return v128.shuffle<f32>(p, q, 2, 6, 3, 7);
}

/** sum + (x - mean)^2 */
// @ts-ignore: decorator
@inline
function addSquare(sum: v128, x: v128, mean: v128): v128 {
  const e = f64x2.sub(x, mean);
  return f64x2.add(sum, f64x2.mul(e, e));
}

// @ts-ignore: decorator
@inline
function addSquares(sum: v128, even: v128, odd: v128, mean: v128): v128 {
  sum = addSquare(addSquare(sum, low(even), mean), high(even), mean);
  return addSquare(addSquare(sum, low(odd), mean), high(odd), mean);
}

/** Writes the means of the rows r to r + 3. */
function means(a: usize, r: i32, R: i32, C: i32): void {
  const a0 = rowAt(a, r, R, C);
  const a1 = rowAt(a, r + 1, R, C);
  const a2 = rowAt(a, r + 2, R, C);
  const a3 = rowAt(a, r + 3, R, C);
  let first = f64x2.splat(0);
  let second = first;
  const end = bytes(C);
  let c: usize = 0;
  for (; c + 16 <= end; c += 16) {
    const x0 = v128.load(a0 + c);
    const x1 = v128.load(a1 + c);
    const x2 = v128.load(a2 + c);
    const x3 = v128.load(a3 + c);
    first = addInOrder(first, evenOf(x0, x1), oddOf(x0, x1), 4);
    second = addInOrder(second, evenOf(x2, x3), oddOf(x2, x3), 4);
  }
  for (; c < end; c += 4) {
    first = f64x2.add(first, pair(a0 + c, a1 + c));
    second = f64x2.add(second, pair(a2 + c, a3 + c));
  }
  const count = f64x2.splat(<f64>C);
  v128.store(MEANS, f64x2.div(first, count));
  v128.store(MEANS, f64x2.div(second, count), 16);
}

/** Writes their sums of (x - mean)^2. */
function squares(a: usize, r: i32, R: i32, C: i32): void {
  const a0 = rowAt(a, r, R, C);
  const a1 = rowAt(a, r + 1, R, C);
  const a2 = rowAt(a, r + 2, R, C);
  const a3 = rowAt(a, r + 3, R, C);
  const m0 = v128.load(MEANS);
  const m1 = v128.load(MEANS, 16);
  let first = f64x2.splat(0);
  let second = first;
  const end = bytes(C);
  let c: usize = 0;
  for (; c + 16 <= end; c += 16) {
    const x0 = v128.load(a0 + c);
    const x1 = v128.load(a1 + c);
    const x2 = v128.load(a2 + c);
    const x3 = v128.load(a3 + c);
    first = addSquares(first, evenOf(x0, x1), oddOf(x0, x1), m0);
    second = addSquares(second, evenOf(x2, x3), oddOf(x2, x3), m1);
  }
  for (; c < end; c += 4) {
    first = addSquare(first, pair(a0 + c, a1 + c), m0);
    second = addSquare(second, pair(a2 + c, a3 + c), m1);
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
  let c = 0;
  for (; c + 4 <= C; c += 4) normalizeAt(bytes(c), 4, out, a, gain, bias, center, root, accumulate);
  if (c < C) normalizeAt(bytes(c), C - c, out, a, gain, bias, center, root, accumulate);
}

// @ts-ignore: decorator
@inline
function normalizeAt(
  at: usize, lanes: i32, out: usize, a: usize, gain: usize, bias: usize, center: v128, root: v128, accumulate: bool,
): void {
  const n = f32x4.mul(centered(load(a + at, lanes), center), root);
  const value = f32x4.add(f32x4.mul(load(gain + at, lanes), n), load(bias + at, lanes));
  store(out + at, accumulate ? f32x4.add(load(out + at, lanes), value) : value, lanes);
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
    const even = evenOf(dnP, dnQ);
    const odd = oddOf(dnP, dnQ);
    sum = addInOrder(sum, even, odd, lanes);
    along = addProducts(along, even, odd, evenOf(nP, nQ), oddOf(nP, nQ), lanes);
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
    let c = 0;
    for (; c + 4 <= C; c += 4) {
      gradAt(bytes(c), 4, da + row, dgain, dbias, dout + row, a + row, gain, center, root, meanDn, meanAlong, accumulate);
    }
    if (c < C) {
      gradAt(bytes(c), C - c, da + row, dgain, dbias, dout + row, a + row, gain, center, root, meanDn, meanAlong, accumulate);
    }
  }
}

// @ts-ignore: decorator
@inline
function gradAt(
  at: usize, lanes: i32, da: usize, dgain: usize, dbias: usize, dout: usize, a: usize, gain: usize,
  center: v128, root: v128, meanDn: v128, meanAlong: v128, accumulate: bool,
): void {
  const n = f32x4.mul(centered(load(a + at, lanes), center), root);
  const dy = load(dout + at, lanes);
  store(dgain + at, f32x4.add(load(dgain + at, lanes), f32x4.mul(dy, n)), lanes);
  store(dbias + at, f32x4.add(load(dbias + at, lanes), dy), lanes);
  const dn = f32x4.mul(dy, load(gain + at, lanes));
  const now = f32x4.mul(root, f32x4.sub(f32x4.sub(dn, meanDn), f32x4.mul(n, meanAlong)));
  store(da + at, accumulate ? f32x4.add(load(da + at, lanes), now) : now, lanes);
}
