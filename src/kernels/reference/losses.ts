/** The losses, each with its derivative right under it. docs/derivation.md derives them (tags L1-L3). */
import { type CrossEntropyOptions, crossEntropyDivisor, type Matrix } from '../../core/kernels.js';
import { dense } from './dense.js';
import { sigmoid } from './lstm-cell.js';

/**
 * (L1) For a row with logits z, target y, class weights w, smoothing e and C classes:
 *   p = softmax(z);  loss = -(1-e) w[y] log p[y] - (e/C) sum_k w[k] log p[k]
 * log p[k] = (z[k] - max) - log sum_k e^(z[k]-max): subtracting the maximum keeps every exponent at or below 0, and
 * doing it first keeps the digits where |max| is huge.
 */
export function softmaxCrossEntropy(
  loss: Matrix,
  probabilities: Matrix,
  logits: Matrix,
  targets: Int32Array,
  options: CrossEntropyOptions = {},
): void {
  const z = dense(logits);
  const p = dense(probabilities);
  const C = logits.cols;
  const w = options.classWeights;
  const smooth = options.labelSmoothing ?? 0;
  const ignored = options.ignoreIndex ?? -1;
  let total = 0;
  for (let r = 0; r < logits.rows; r++) {
    const at = r * C;
    let max = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < C; k++) max = Math.max(max, z[at + k]!);
    let sum = 0;
    for (let k = 0; k < C; k++) {
      const e = Math.exp(z[at + k]! - max);
      p[at + k] = e;
      sum += e;
    }
    for (let k = 0; k < C; k++) p[at + k] = p[at + k]! / sum;
    const target = targets[r]!;
    if (target === ignored) continue;
    const logSum = Math.log(sum);
    total -= (1 - smooth) * (w?.[target] ?? 1) * (z[at + target]! - max - logSum);
    if (smooth > 0) {
      for (let k = 0; k < C; k++) total -= (smooth / C) * (w?.[k] ?? 1) * (z[at + k]! - max - logSum);
    }
  }
  dense(loss)[0] = total / crossEntropyDivisor(targets, options);
}

/**
 * (L1') d log p[k] / dz[j] = [j = k] - p[j], so with the target distribution
 *   q[k] = w[k] ((1-e) [k = y] + e/C)      dz[j] = p[j] * sum_k q[k] - q[j]
 * With all weights 1, sum q = 1 and this is the familiar p - q.
 */
export function softmaxCrossEntropyGrad(
  dlogits: Matrix,
  probabilities: Matrix,
  targets: Int32Array,
  options: CrossEntropyOptions = {},
): void {
  const dz = dense(dlogits);
  const p = dense(probabilities);
  const C = dlogits.cols;
  const w = options.classWeights;
  const smooth = options.labelSmoothing ?? 0;
  const ignored = options.ignoreIndex ?? -1;
  const scale = 1 / crossEntropyDivisor(targets, options);
  let weightSum = C;
  if (w) weightSum = w.reduce((a, b) => a + b, 0);
  for (let r = 0; r < dlogits.rows; r++) {
    const at = r * C;
    const target = targets[r]!;
    if (target === ignored) {
      dz.fill(0, at, at + C);
      continue;
    }
    const onTarget = (1 - smooth) * (w?.[target] ?? 1);
    const qSum = onTarget + (smooth / C) * weightSum;
    for (let j = 0; j < C; j++) {
      const q = (smooth / C) * (w?.[j] ?? 1) + (j === target ? onTarget : 0);
      dz[at + j] = scale * (p[at + j]! * qSum - q);
    }
  }
}

/** (L2) loss = mean (y - target)^2. */
export function meanSquaredError(loss: Matrix, y: Matrix, target: Matrix): void {
  const a = dense(y);
  const b = dense(target);
  let total = 0;
  for (let i = 0; i < a.length; i++) {
    const e = a[i]! - b[i]!;
    total += e * e;
  }
  dense(loss)[0] = total / a.length;
}

/** (L2') dy = 2 (y - target) / n. */
export function meanSquaredErrorGrad(dy: Matrix, y: Matrix, target: Matrix): void {
  const d = dense(dy);
  const a = dense(y);
  const b = dense(target);
  const scale = 2 / a.length;
  for (let i = 0; i < a.length; i++) d[i] = scale * (a[i]! - b[i]!);
}

/**
 * (L3) loss = mean of -(p log s + (1-p) log(1-s)), s = sigmoid(z), which is max(z, 0) - z p + log(1 + e^-|z|):
 * the form that never takes the logarithm of 0.
 */
export function binaryCrossEntropy(loss: Matrix, logits: Matrix, target: Matrix): void {
  const z = dense(logits);
  const p = dense(target);
  let total = 0;
  for (let i = 0; i < z.length; i++) {
    total += Math.max(z[i]!, 0) - z[i]! * p[i]! + Math.log1p(Math.exp(-Math.abs(z[i]!)));
  }
  dense(loss)[0] = total / z.length;
}

/** (L3') dz = (s - p) / n. */
export function binaryCrossEntropyGrad(dlogits: Matrix, logits: Matrix, target: Matrix): void {
  const d = dense(dlogits);
  const z = dense(logits);
  const p = dense(target);
  for (let i = 0; i < z.length; i++) d[i] = (sigmoid(z[i]!) - p[i]!) / z.length;
}
