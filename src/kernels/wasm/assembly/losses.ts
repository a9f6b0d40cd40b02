/** The losses, each with its derivative right under it; formulas and tags as in kernels/reference/losses.ts. */
import { exp, exp2, sigmoid, total } from './math';

// @ts-ignore: decorator
@external('env', 'log')
declare function log(x: f64): f64;

// @ts-ignore: decorator
@inline
function bytes(floats: i32): usize {
  return (<usize>floats) << 2;
}

/** The largest of a row; NaN where there is one. */
function rowMax(z: usize, C: i32): f32 {
  let max: f32 = -f32.MAX_VALUE;
  for (let k = 0; k < C; k++) max = f32.max(max, f32.load(z + bytes(k)));
  return max;
}

/** p = e^(z - max), and their sum. */
function exponentials(p: usize, z: usize, max: f32, C: i32): f64 {
  const m = f32x4.splat(max);
  let sums = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= C; k += 4) {
    const e = exp(f32x4.sub(v128.load(z + bytes(k)), m));
    v128.store(p + bytes(k), e);
    sums = f32x4.add(sums, e);
  }
  let sum = <f64>total(sums);
  for (; k < C; k++) {
    const e = f32x4.extract_lane(exp(f32x4.splat(f32.load(z + bytes(k)) - max)), 0);
    f32.store(p + bytes(k), e);
    sum += e;
  }
  return sum;
}

function scaleRow(p: usize, factor: f32, C: i32): void {
  const f = f32x4.splat(factor);
  let k = 0;
  for (; k + 4 <= C; k += 4) v128.store(p + bytes(k), f32x4.mul(v128.load(p + bytes(k)), f));
  for (; k < C; k++) f32.store(p + bytes(k), f32.load(p + bytes(k)) * factor);
}

// @ts-ignore: decorator
@inline
function weight(weights: usize, k: i32): f32 {
  return weights ? f32.load(weights + bytes(k)) : 1;
}

/** (L1) `weights` is 0 where all are 1; a target that equals `ignored` counts for nothing. Returns scale times the sum. */
export function softmaxCrossEntropy(
  p: usize, z: usize, targets: usize, R: i32, C: i32, weights: usize, ignored: i32, smooth: f32, scale: f64,
): f64 {
  let loss: f64 = 0;
  for (let r = 0; r < R; r++, p += bytes(C), z += bytes(C), targets += 4) {
    const max = rowMax(z, C);
    const sum = exponentials(p, z, max, C);
    scaleRow(p, <f32>(1 / sum), C);
    const target = i32.load(targets);
    if (target == ignored) continue;
    const logSum = log(sum);
    loss -= (1 - <f64>smooth) * <f64>weight(weights, target) * (<f64>(f32.load(z + bytes(target)) - max) - logSum);
    if (smooth > 0) {
      const share = <f64>smooth / <f64>C;
      for (let k = 0; k < C; k++) loss -= share * <f64>weight(weights, k) * (<f64>(f32.load(z + bytes(k)) - max) - logSum);
    }
  }
  return loss * scale;
}

/** (L1') dz[j] = scale * (p[j] * sum q - q[j]). `weightSum` is the sum of all class weights. */
export function softmaxCrossEntropyGrad(
  dz: usize, p: usize, targets: usize, R: i32, C: i32, weights: usize, weightSum: f32, ignored: i32, smooth: f32, scale: f32,
): void {
  const share = smooth / <f32>C;
  for (let r = 0; r < R; r++, p += bytes(C), dz += bytes(C), targets += 4) {
    const target = i32.load(targets);
    if (target == ignored) {
      memory.fill(dz, 0, bytes(C));
      continue;
    }
    const onTarget = (<f32>1 - smooth) * weight(weights, target);
    const all = scale * (onTarget + share * weightSum);
    const factor = f32x4.splat(all);
    let k = 0;
    for (; k + 4 <= C; k += 4) v128.store(dz + bytes(k), f32x4.mul(v128.load(p + bytes(k)), factor));
    for (; k < C; k++) f32.store(dz + bytes(k), f32.load(p + bytes(k)) * all);
    if (smooth > 0) for (k = 0; k < C; k++) f32.store(dz + bytes(k), f32.load(dz + bytes(k)) - scale * share * weight(weights, k));
    f32.store(dz + bytes(target), f32.load(dz + bytes(target)) - scale * onTarget);
  }
}

/** (L2) mean (y - target)^2 */
export function meanSquaredError(y: usize, target: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) {
    const e = <f64>f32.load(y + bytes(i)) - <f64>f32.load(target + bytes(i));
    sum += e * e;
  }
  return sum / <f64>count;
}

/** (L2') dy = 2 (y - target) / n */
export function meanSquaredErrorGrad(dy: usize, y: usize, target: usize, count: i32): void {
  const scale = <f32>(2 / <f64>count);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const e = f32x4.sub(v128.load(y + bytes(i)), v128.load(target + bytes(i)));
    v128.store(dy + bytes(i), f32x4.mul(f32x4.splat(scale), e));
  }
  for (; i < count; i++) f32.store(dy + bytes(i), scale * (f32.load(y + bytes(i)) - f32.load(target + bytes(i))));
}

/** (L3) mean of max(z, 0) - z p + log(1 + e^-|z|) */
export function binaryCrossEntropy(z: usize, target: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) {
    const x = f32.load(z + bytes(i));
    const e = f32x4.extract_lane(exp2(f32x4.splat(f32.abs(x) * -1.4426950408889634)), 0);
    sum += <f64>(f32.max(x, 0)) - <f64>x * <f64>f32.load(target + bytes(i)) + log(1 + <f64>e);
  }
  return sum / <f64>count;
}

/** (L3') dz = (s - p) / n */
export function binaryCrossEntropyGrad(dz: usize, z: usize, target: usize, count: i32): void {
  const scale = <f32>(1 / <f64>count);
  for (let i = 0; i < count; i++) {
    const s = f32x4.extract_lane(sigmoid(f32x4.splat(f32.load(z + bytes(i)))), 0);
    f32.store(dz + bytes(i), scale * (s - f32.load(target + bytes(i))));
  }
}
