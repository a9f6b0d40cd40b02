/** What the losses should give: in float64, plain loops over lists, formulas written anew from the definitions and not from any backend. */
import type { CrossEntropyOptions } from '../../../src/core/kernels.js';
import { logistic } from './cell.js';
import type { Numbers } from './products.js';

export interface CrossEntropyValues {
  readonly loss: number;
  readonly probabilities: number[];
  readonly gradient: number[];
}

/**
 * As torch.nn.functional.cross_entropy defines it: each row that counts has the target distribution
 * (1-e) [k = y] + e/C, and class k's log-probability is weighted by w[k].
 */
export function crossEntropy(
  rows: number,
  cols: number,
  z: Numbers,
  y: ArrayLike<number>,
  options: CrossEntropyOptions = {},
) {
  const { classWeights: w = new Array<number>(cols).fill(1), ignoreIndex = -1, labelSmoothing: e = 0 } = options;
  let total = 0;
  let divisor = 0;
  const out: { probabilities: number[]; gradient: number[] } = { probabilities: [], gradient: [] };
  for (let r = 0; r < rows; r++) {
    const row = z.slice(r * cols, (r + 1) * cols);
    const top = Math.max(...row);
    const logSum = Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)); // log-sum-exp, less the top
    const logP = row.map((v) => v - top - logSum);
    out.probabilities.push(...logP.map(Math.exp));
    const counts = y[r] !== ignoreIndex;
    const wanted = row.map((_, k) => (counts ? w[k]! * ((k === y[r] ? 1 - e : 0) + e / cols) : 0));
    if (counts) divisor += w[y[r]!]!;
    wanted.forEach((q, k) => {
      if (q !== 0) total -= q * logP[k]!;
    });
    const mass = wanted.reduce((a, b) => a + b, 0);
    out.gradient.push(...logP.map((v, k) => Math.exp(v) * mass - wanted[k]!));
  }
  if (options.reduction === 'sum') divisor = 1;
  return { ...out, loss: total / divisor, gradient: out.gradient.map((g) => g / divisor) };
}

export function squaredError(y: Numbers, target: Numbers): { loss: number; gradient: number[] } {
  const n = y.length;
  return {
    loss: y.reduce((sum, v, k) => sum + (v - target[k]!) ** 2, 0) / n,
    gradient: y.map((v, k) => (2 / n) * (v - target[k]!)),
  };
}

/** log(1 + e^x) without overflow. */
const softplus = (x: number): number => (x > 30 ? x + Math.exp(-x) : Math.log(1 + Math.exp(x)));

/** -log sigmoid(z) = softplus(-z), -log(1 - sigmoid(z)) = softplus(z). */
export function binaryCrossEntropy(z: Numbers, p: Numbers): { loss: number; gradient: number[] } {
  const n = z.length;
  const rows = z.map((v, k) => p[k]! * softplus(-v) + (1 - p[k]!) * softplus(v));
  return { loss: rows.reduce((a, b) => a + b, 0) / n, gradient: z.map((v, k) => (logistic(v) - p[k]!) / n) };
}
