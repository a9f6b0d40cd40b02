/** The losses, each followed by its derivative. kernels/reference/losses.ts has the formulas. */
import { elementLoss, elementSlope, ValueLoss } from './contract';
import { bytes, loadSome, storeSome } from './lanes';
import { expMinus, log1p, total } from './math';
import { gaussianVarianceSlope } from './value-losses';

/** The largest element of a row; NaN if the row contains NaN. */
function rowMax(z: usize, C: i32): f32 {
  let max: f32 = -f32.MAX_VALUE;
  for (let k = 0; k < C; k++) max = f32.max(max, f32.load(z + bytes(k)));
  return max;
}

/** p = e^(z - max). Returns their sum less 1, which is one of them. */
function exponentials(p: usize, z: usize, max: f32, C: i32): f64 {
  const m = f32x4.splat(max);
  let sums = f32x4.splat(0);
  for (let k = 0; k < C; k += 4) {
    const lanes = min(4, C - k);
    const at = bytes(k);
    const e = expMinus(f32x4.sub(m, lanes == 4 ? v128.load(z + at) : loadSome(z + at, lanes)));
    if (lanes == 4) {
      v128.store(p + at, e);
      sums = f32x4.add(sums, e);
    } else storeSome(p + at, e, lanes);
  }
  let sum = <f64>total(sums);
  for (let k = C & ~3; k < C; k++) sum += f32.load(p + bytes(k));
  return sum < 1.5 ? sumOfSmall(p, C) : sum - 1;
}

/**
 * The sum of the numbers up to 1/2 in a row: of all but the largest, if the row is confident. Their sum with the largest, less
 * the largest, would lose their digits.
 */
function sumOfSmall(p: usize, C: i32): f64 {
  const half = f32x4.splat(0.5);
  let sums = f32x4.splat(0);
  let k = 0;
  for (; k + 4 <= C; k += 4) {
    const v = v128.load(p + bytes(k));
    sums = f32x4.add(sums, v128.and(v, f32x4.le(v, half)));
  }
  let sum = <f64>total(sums);
  for (; k < C; k++) if (f32.load(p + bytes(k)) <= 0.5) sum += f32.load(p + bytes(k));
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

/** (L1) `weights` is 0 if all are 1; rows whose target is `ignored` do not count. Returns scale times the sum. */
export function softmaxCrossEntropy(
  p: usize, z: usize, targets: usize, R: i32, C: i32, weights: usize, ignored: i32, smooth: f32, scale: f64,
  rowWeights: usize,
): f64 {
  let loss: f64 = 0;
  for (let r = 0; r < R; r++, p += bytes(C), z += bytes(C), targets += 4) {
    const max = rowMax(z, C);
    const others = exponentials(p, z, max, C);
    scaleRow(p, <f32>(1 / (1 + others)), C);
    const target = i32.load(targets);
    const own = <f64>weight(rowWeights, r);
    if (target == ignored || own == 0) continue;
    const logSum = log1p(others);
    loss -= own * (1 - <f64>smooth) * <f64>weight(weights, target) * (<f64>(f32.load(z + bytes(target)) - max) - logSum);
    if (smooth > 0) {
      const share = (own * <f64>smooth) / <f64>C;
      for (let k = 0; k < C; k++) loss -= share * <f64>weight(weights, k) * (<f64>(f32.load(z + bytes(k)) - max) - logSum);
    }
  }
  return loss * scale;
}

/**
 * (L1') dz[j] = scale * (p[j] * sum q - q[j]), scale = whole * row weight. `weightSum` is the sum of all class weights. Without
 * smoothing, p - 1 of the target is minus the sum of the other p, which keeps its digits if p is near 1.
 */
export function softmaxCrossEntropyGrad(
  dz: usize, p: usize, targets: usize, R: i32, C: i32, weights: usize, weightSum: f32, ignored: i32, smooth: f32, whole: f32,
  rowWeights: usize,
): void {
  const share = smooth / <f32>C;
  for (let r = 0; r < R; r++, p += bytes(C), dz += bytes(C), targets += 4) {
    const target = i32.load(targets);
    const scale = whole * weight(rowWeights, r);
    if (target == ignored || scale == 0) {
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
    const own = dz + bytes(target);
    const exact = smooth == 0 && f32.load(p + bytes(target)) > 0.5;
    f32.store(own, exact ? -all * <f32>sumOfSmall(p, C) : f32.load(own) - scale * onTarget);
  }
}

/**
 * (L2)-(L7) y (R, C), targets (R, K). `numbers` holds Q parameters: the quantiles, or one number such as delta. A gaussian
 * has its means in the first K columns of y and the logarithms of its variances after them. Returns scale times the weighted sum.
 */
export function valueLoss(
  kind: i32, y: usize, target: usize, R: i32, C: i32, K: i32, numbers: usize, Q: i32, scale: f64, rowWeights: usize,
): f64 {
  const gaussian = kind == ValueLoss.gaussian;
  const terms = gaussian ? K : C;
  let total: f64 = 0;
  for (let r = 0; r < R; r++, y += bytes(C), target += bytes(K)) {
    const own = <f64>weight(rowWeights, r);
    if (own == 0) continue;
    let row: f64 = 0;
    for (let c = 0; c < terms; c++) {
      const p = f32.load(gaussian ? y + bytes(K + c) : numbers + bytes(c % Q));
      row += elementLoss(kind, f32.load(y + bytes(c)), f32.load(target + bytes(c / Q)), p);
    }
    total += own * row;
  }
  return total * scale;
}

export function valueLossGrad(
  kind: i32, dy: usize, y: usize, target: usize, R: i32, C: i32, K: i32, numbers: usize, Q: i32, whole: f32,
  rowWeights: usize,
): void {
  const gaussian = kind == ValueLoss.gaussian;
  const terms = gaussian ? K : C;
  for (let r = 0; r < R; r++, dy += bytes(C), y += bytes(C), target += bytes(K)) {
    const scale = whole * weight(rowWeights, r);
    if (scale == 0) {
      memory.fill(dy, 0, bytes(C));
      continue;
    }
    for (let c = 0; c < terms; c++) {
      const a = f32.load(y + bytes(c));
      const t = f32.load(target + bytes(c / Q));
      const p = f32.load(gaussian ? y + bytes(K + c) : numbers + bytes(c % Q));
      const slope = elementSlope(kind, a, t, p, scale);
      f32.store(dy + bytes(c), slope);
      if (gaussian) f32.store(dy + bytes(K + c), gaussianVarianceSlope(slope, a, t, scale));
    }
  }
}
