/** Counter-based random bits: Philox4x32-10, as in kernels/shared/philox.ts, with two 64-bit products per round. */

/** Element e of out is `hit` if word (skip + e) & 3 of block `first` + (skip + e >> 2) is below `limit`, else `miss`. */
export function bernoulli(
  out: usize, count: i32, seed: u32, update: u32, stream: u32, first: u32, skip: i32, limit: u32, hit: f32, miss: f32,
): void {
  for (let e = -skip; e < count; e += 4) {
    let c0: u32 = first++;
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
    const at = out + ((<usize>e) << 2);
    if (e >= 0) f32.store(at, c0 < limit ? hit : miss);
    if (e >= -1 && e + 1 < count) f32.store(at + 4, c1 < limit ? hit : miss);
    if (e >= -2 && e + 2 < count) f32.store(at + 8, c2 < limit ? hit : miss);
    if (e + 3 < count) f32.store(at + 12, c3 < limit ? hit : miss);
  }
}
