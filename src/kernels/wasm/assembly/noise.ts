/** Counter-based random numbers: Philox4x32-10, as in kernels/shared/philox.ts, with two 64-bit products per round. */
import { bytes } from './lanes';

// @ts-ignore: decorator
@external('env', 'log')
declare function log(x: f64): f64;
// @ts-ignore: decorator
@external('env', 'cos')
declare function cos(x: f64): f64;
// @ts-ignore: decorator
@external('env', 'sin')
declare function sin(x: f64): f64;

/** The four words of a block. */
function philox(block: u32, update: u32, seed: u32, stream: u32): v128 {
  let c0 = block;
  let c1 = update;
  let c2: u32 = 0;
  let c3: u32 = 0;
  let k0 = seed;
  let k1 = stream;
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>c0 * 0xd2511f53;
    const p1 = <u64>c2 * 0xcd9e8d57;
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0;
    c1 = <u32>p1;
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1;
    c3 = <u32>p0;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  const words = i32x4.replace_lane(i32x4.splat(c0), 1, c1);
  return i32x4.replace_lane(i32x4.replace_lane(words, 2, c2), 3, c3);
}

/** The upper words of the four products of x and m. */
// @ts-ignore: decorator
@inline
function upperWords(x: v128, m: v128): v128 {
  const low = i64x2.extmul_low_i32x4_u(x, m);
  return v128.shuffle<i32>(low, i64x2.extmul_high_i32x4_u(x, m), 1, 3, 5, 7);
}

/** Writes 16 elements, of the blocks from `block` on: word w of the four blocks is computed in the lanes of cw. */
function sixteen(out: usize, block: u32, update: u32, seed: u32, stream: u32, limit: u32, hit: f32, miss: f32): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  let c0 = i32x4.add(i32x4.splat(block), v128(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0));
  let c1 = i32x4.splat(update);
  let c2 = i32x4.splat(0);
  let c3 = c2;
  for (let round = 0; round < 10; round++, seed += 0x9e3779b9, stream += 0xbb67ae85) {
    const next = v128.xor(v128.xor(upperWords(c2, m1), c1), i32x4.splat(seed));
    c1 = i32x4.mul(c2, m1);
    c2 = v128.xor(v128.xor(upperWords(c0, m0), c3), i32x4.splat(stream));
    c3 = i32x4.mul(c0, m0);
    c0 = next;
  }
  const limits = i32x4.splat(limit);
  const hits = f32x4.splat(hit);
  const misses = f32x4.splat(miss);
  c0 = v128.bitselect(hits, misses, i32x4.lt_u(c0, limits));
  c1 = v128.bitselect(hits, misses, i32x4.lt_u(c1, limits));
  c2 = v128.bitselect(hits, misses, i32x4.lt_u(c2, limits));
  c3 = v128.bitselect(hits, misses, i32x4.lt_u(c3, limits));
  // The transpose: a vector for each block.
  const first = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const second = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const third = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const fourth = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<i64>(first, second, 0, 2));
  v128.store(out, v128.shuffle<i64>(first, second, 1, 3), 16);
  v128.store(out, v128.shuffle<i64>(third, fourth, 0, 2), 32);
  v128.store(out, v128.shuffle<i64>(third, fourth, 1, 3), 48);
}

/** Element e of out is `hit` if word (skip + e) & 3 of block `first` + (skip + e >> 2) is below `limit`, else `miss`. */
export function bernoulli(
  out: usize, count: i32, seed: u32, update: u32, stream: u32, first: u32, skip: i32, limit: u32, hit: f32, miss: f32,
): void {
  const hits = f32x4.splat(hit);
  const misses = f32x4.splat(miss);
  const limits = i32x4.splat(limit);
  for (let e = -skip; e < count; e += 4) {
    if (e >= 0) {
      for (; e + 16 <= count; e += 16, first += 4) sixteen(out + bytes(e), first, update, seed, stream, limit, hit, miss);
      if (e >= count) return;
    }
    const isHit = i32x4.lt_u(philox(first++, update, seed, stream), limits);
    const values = v128.bitselect(hits, misses, isHit);
    const at = out + bytes(e);
    if (e >= 0 && e + 4 <= count) {
      v128.store(at, values);
      continue;
    }
    if (e >= 0) f32.store(at, f32x4.extract_lane(values, 0));
    if (e >= -1 && e + 1 < count) f32.store(at + 4, f32x4.extract_lane(values, 1));
    if (e >= -2 && e + 2 < count) f32.store(at + 8, f32x4.extract_lane(values, 2));
    if (e + 3 < count) f32.store(at + 12, f32x4.extract_lane(values, 3));
  }
}

/** Two normal numbers (Box & Muller 1958), added to as many of two elements as there are. */
function addPair(at: usize, end: usize, std: f64, first: u32, second: u32): void {
  const radius = sqrt<f64>(-2 * log((<f64>first + 0.5) / 4294967296));
  const angle = 2 * Math.PI * ((<f64>second + 0.5) / 4294967296);
  if (at < end) f32.store(at, <f32>(<f64>f32.load(at) + std * radius * cos(angle)));
  if (at + 4 < end) f32.store(at + 4, <f32>(<f64>f32.load(at + 4) + std * radius * sin(angle)));
}

/** a += std * N(0, 1), in double precision. */
export function addNormals(a: usize, count: i32, seed: u32, update: u32, stream: u32, std: f64): void {
  const end = a + bytes(count);
  for (let block: u32 = 0; a < end; a += 16) {
    const words = philox(block++, update, seed, stream);
    addPair(a, end, std, i32x4.extract_lane(words, 0), i32x4.extract_lane(words, 1));
    addPair(a + 8, end, std, i32x4.extract_lane(words, 2), i32x4.extract_lane(words, 3));
  }
}
