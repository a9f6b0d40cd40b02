/** The losses, each directly above its derivative. docs/derivation.md derives them (tags L1-L8). */
import {
  type ClassTargets,
  type CrossEntropyOptions,
  type CtcTargets,
  crossEntropyDivisor,
  type Matrix,
  type ValueLoss,
  type ValueTargets,
  valueLossScale,
} from '../../contract/kernels.js';
import { ctcLoss } from '../shared/ctc.js';
import { sigmoid } from './cell.js';
import { dense } from './dense.js';

/**
 * (L1) For a row with logits z, target y, class weights w, smoothing e and C classes:
 *   p = softmax(z);  loss = -(1-e) w[y] log p[y] - (e/C) sum_k w[k] log p[k]
 * log p[k] = (z[k] - max) - log sum_k e^(z[k]-max). Subtracting the maximum keeps every exponent at or below 0; subtracting it
 * first keeps the digits if |max| is large. The sum is 1, for a largest logit, and `others`: log(1 + others) keeps the digits if
 * the row is confident and the others are small.
 */
export function softmaxCrossEntropy(
  loss: Matrix,
  probabilities: Matrix,
  logits: Matrix,
  targets: ClassTargets,
  options: CrossEntropyOptions = {},
): void {
  const { classes, rowWeights } = targets;
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
    let [others, largest] = [0, 0];
    for (let k = 0; k < C; k++) {
      const e = Math.exp(z[at + k]! - max);
      p[at + k] = e;
      if (e === 1) largest++;
      else others += e;
    }
    others += largest - 1;
    for (let k = 0; k < C; k++) p[at + k] = p[at + k]! / (1 + others);
    const target = classes[r]!;
    if (target === ignored) continue;
    const logSum = Math.log1p(others);
    let row = (1 - smooth) * (w?.[target] ?? 1) * (z[at + target]! - max - logSum);
    if (smooth > 0) {
      for (let k = 0; k < C; k++) row += (smooth / C) * (w?.[k] ?? 1) * (z[at + k]! - max - logSum);
    }
    const weight = rowWeights?.[r] ?? 1;
    if (weight !== 0) total -= weight * row;
  }
  const divisor = crossEntropyDivisor(targets, options);
  dense(loss)[0] = divisor === 0 ? 0 : total / divisor;
}

/**
 * (L1') d log p[k] / dz[j] = [j = k] - p[j]. With the target distribution
 *   q[k] = w[k] ((1-e) [k = y] + e/C)      dz[j] = p[j] * sum_k q[k] - q[j]
 * If all weights are 1, sum q = 1 and dz = p - q. Without smoothing, dz[y] = -w[y] (1 - p[y]), and 1 - p[y] is the sum of the
 * other p, which keeps its digits if p[y] is near 1.
 */
export function softmaxCrossEntropyGrad(
  dlogits: Matrix,
  probabilities: Matrix,
  targets: ClassTargets,
  options: CrossEntropyOptions = {},
): void {
  const { classes, rowWeights } = targets;
  const dz = dense(dlogits);
  const p = dense(probabilities);
  const C = dlogits.cols;
  const w = options.classWeights;
  const smooth = options.labelSmoothing ?? 0;
  const ignored = options.ignoreIndex ?? -1;
  const divisor = crossEntropyDivisor(targets, options);
  let weightSum = C;
  if (w) weightSum = w.reduce((a, b) => a + b, 0);
  for (let r = 0; r < dlogits.rows; r++) {
    const at = r * C;
    const target = classes[r]!;
    const scale = (rowWeights?.[r] ?? 1) / divisor;
    if (target === ignored || divisor === 0 || scale === 0) {
      dz.fill(0, at, at + C);
      continue;
    }
    const onTarget = (1 - smooth) * (w?.[target] ?? 1);
    const qSum = onTarget + (smooth / C) * weightSum;
    for (let j = 0; j < C; j++) {
      const q = (smooth / C) * (w?.[j] ?? 1) + (j === target ? onTarget : 0);
      dz[at + j] = scale * (p[at + j]! * qSum - q);
    }
    if (smooth === 0 && p[at + target]! > 0.5) {
      let others = 0;
      for (let j = 0; j < C; j++) if (j !== target) others += p[at + j]!;
      dz[at + target] = -scale * qSum * others;
    }
  }
}

/** A loss of one output and one target. The Gaussian has two outputs per target. */
type ElementLoss = Exclude<ValueLoss, { readonly kind: 'gaussian' }>;

/**
 * The loss of one element, and its slope with respect to y. t is the target, e = y - t:
 *   (L2) e^2                                   2e
 *   (L4) |e|                                   sign e, at 0: 0
 *   (L5) e^2/2 to |e| = d, d (|e| - d/2)       e, cut to [-d, d]              (Huber 1964)
 *   (L6) q (t - y) below t, (1-q) (y - t) above   -q, 1-q, at t: 0            (Koenker & Bassett 1978)
 *   (L3) -(t log s + (1-t) log(1-s))           s - t, s = sigmoid(y)
 * (L3) is computed as max(y, 0) - y t + log(1 + e^-|y|), which never takes the logarithm of 0. For y above 0, its slope is computed
 * as (1-t) - sigmoid(-y), which keeps the digits that s - t loses if both are near 1.
 */
function elementLoss(kind: ElementLoss, y: number, t: number, quantile: number): number {
  const e = y - t;
  switch (kind.kind) {
    case 'meanSquaredError':
      return e * e;
    case 'meanAbsoluteError':
      return Math.abs(e);
    case 'huber':
      return Math.abs(e) <= kind.delta ? (e * e) / 2 : kind.delta * (Math.abs(e) - kind.delta / 2);
    case 'quantile':
      return e < 0 ? -quantile * e : (1 - quantile) * e;
    case 'binaryCrossEntropy':
      return Math.max(y, 0) - y * t + Math.log1p(Math.exp(-Math.abs(y)));
    default:
      return kind satisfies never;
  }
}

function elementSlope(kind: ElementLoss, y: number, t: number, quantile: number): number {
  const e = y - t;
  switch (kind.kind) {
    case 'meanSquaredError':
      return 2 * e;
    case 'meanAbsoluteError':
      return Math.sign(e);
    case 'huber':
      return Math.min(kind.delta, Math.max(-kind.delta, e));
    case 'quantile':
      return e < 0 ? -quantile : e > 0 ? 1 - quantile : 0;
    case 'binaryCrossEntropy':
      return y > 0 ? 1 - t - sigmoid(-y) : sigmoid(y) - t;
    default:
      return kind satisfies never;
  }
}

/** (L7) Gaussian, y = [mu | s], s = log variance (Nix & Weigend 1994): (s + (t - mu)^2 e^-s) / 2, without its constant. */
const gaussianLoss = (mu: number, s: number, t: number): number => (s + (t - mu) ** 2 * Math.exp(-s)) / 2;

/** (L7') dmu = (mu - t) e^-s;  ds = (1 - (t - mu)^2 e^-s) / 2. */
const gaussianSlopes = (mu: number, s: number, t: number): [dmu: number, ds: number] => {
  const precision = Math.exp(-s);
  return [(mu - t) * precision, (1 - (t - mu) ** 2 * precision) / 2];
};

/** The number of terms of a row: one per output, or one per target for the Gaussian with its two outputs per target. */
const termsOf = (kind: ValueLoss, y: Matrix, target: Matrix): number => (kind.kind === 'gaussian' ? target : y).cols;

export function valueLoss(loss: Matrix, y: Matrix, targets: ValueTargets, kind: ValueLoss): void {
  const { values: target, rowWeights } = targets;
  const [a, t] = [dense(y), dense(target)];
  const [C, K] = [y.cols, target.cols];
  const quantiles = kind.kind === 'quantile' ? kind.quantiles : [0];
  let total = 0;
  for (let r = 0; r < y.rows; r++) {
    const weight = rowWeights?.[r] ?? 1;
    if (weight === 0) continue;
    let row = 0;
    for (let c = 0; c < termsOf(kind, y, target); c++) {
      if (kind.kind === 'gaussian') row += gaussianLoss(a[r * C + c]!, a[r * C + K + c]!, t[r * K + c]!);
      else {
        const [expected, q] = [t[r * K + Math.floor(c / quantiles.length)]!, quantiles[c % quantiles.length]!];
        row += elementLoss(kind, a[r * C + c]!, expected, q);
      }
    }
    total += weight * row;
  }
  dense(loss)[0] = total * valueLossScale(termsOf(kind, y, target), y.rows, rowWeights);
}

export function valueLossGrad(dy: Matrix, y: Matrix, targets: ValueTargets, kind: ValueLoss): void {
  const { values: target, rowWeights } = targets;
  const [d, a, t] = [dense(dy), dense(y), dense(target)];
  const [C, K] = [y.cols, target.cols];
  const quantiles = kind.kind === 'quantile' ? kind.quantiles : [0];
  const whole = valueLossScale(termsOf(kind, y, target), y.rows, rowWeights);
  for (let r = 0; r < y.rows; r++) {
    const scale = whole * (rowWeights?.[r] ?? 1);
    if (scale === 0) {
      d.fill(0, r * C, (r + 1) * C);
      continue;
    }
    for (let c = 0; c < termsOf(kind, y, target); c++) {
      const at = r * C + c;
      if (kind.kind === 'gaussian') {
        const [dmu, ds] = gaussianSlopes(a[at]!, a[at + K]!, t[r * K + c]!);
        d[at] = scale * dmu;
        d[at + K] = scale * ds;
      } else {
        const [expected, q] = [t[r * K + Math.floor(c / quantiles.length)]!, quantiles[c % quantiles.length]!];
        d[at] = scale * elementSlope(kind, a[at]!, expected, q);
      }
    }
  }
}

export function ctc(loss: Matrix, dlogits: Matrix, logits: Matrix, targets: CtcTargets): void {
  dense(loss)[0] = ctcLoss(dense(dlogits), dense(logits), logits.cols, targets);
}
