/** The expected results of the losses: in float64, with plain loops over lists, from the definitions and independent of every backend. */
import type { CrossEntropyOptions, ValueLoss } from '../../../src/contract/kernels.js';
import { logistic } from './cell.js';
import type { Numbers } from './products.js';

export interface CrossEntropyValues {
  readonly loss: number;
  readonly probabilities: number[];
  readonly gradient: number[];
}

/**
 * As in torch.nn.functional.cross_entropy: each row that is not ignored has the target distribution
 * (1-e) [k = y] + e/C, and class k's log-probability is weighted by w[k].
 */
export function crossEntropy(
  rows: number,
  cols: number,
  z: Numbers,
  y: ArrayLike<number>,
  options: CrossEntropyOptions = {},
  rowWeights: Numbers | null = null,
) {
  const { classWeights: w = new Array<number>(cols).fill(1), ignoreIndex = -1, labelSmoothing: e = 0 } = options;
  let total = 0;
  let divisor = 0;
  const out: { probabilities: number[]; gradient: number[] } = { probabilities: [], gradient: [] };
  for (let r = 0; r < rows; r++) {
    const row = z.slice(r * cols, (r + 1) * cols);
    const top = Math.max(...row);
    const logSum = Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)); // log-sum-exp minus the maximum
    const logP = row.map((v) => v - top - logSum);
    out.probabilities.push(...logP.map(Math.exp));
    const own = rowWeights ? rowWeights[r]! : 1;
    const counts = y[r] !== ignoreIndex;
    const wanted = row.map((_, k) => (counts ? own * w[k]! * ((k === y[r] ? 1 - e : 0) + e / cols) : 0));
    if (counts) divisor += own * w[y[r]!]!;
    wanted.forEach((q, k) => {
      if (q !== 0) total -= q * logP[k]!;
    });
    const mass = wanted.reduce((a, b) => a + b, 0);
    out.gradient.push(...logP.map((v, k) => Math.exp(v) * mass - wanted[k]!));
  }
  if (options.reduction === 'sum') divisor = 1;
  const over = (v: number): number => (divisor === 0 ? 0 : v / divisor);
  return { ...out, loss: over(total), gradient: out.gradient.map(over) };
}

/** log(1 + e^x) without overflow. */
const softplus = (x: number): number => (x > 30 ? x + Math.exp(-x) : Math.log(1 + Math.exp(x)));

interface ElementLoss {
  f(y: number, t: number, q: number): number;
  slope(y: number, t: number, q: number): number;
}

const ELEMENTS: Readonly<Record<Exclude<ValueLoss['kind'], 'gaussian'>, ElementLoss>> = {
  meanSquaredError: { f: (y, t) => (t - y) ** 2, slope: (y, t) => -2 * (t - y) },
  meanAbsoluteError: { f: (y, t) => Math.abs(t - y), slope: (y, t) => (y > t ? 1 : y < t ? -1 : 0) },
  huber: {
    f: (y, t, d) => (Math.abs(y - t) < d ? 0.5 * (y - t) ** 2 : d * Math.abs(y - t) - 0.5 * d * d),
    slope: (y, t, d) => (y - t > d ? d : y - t < -d ? -d : y - t),
  },
  quantile: {
    f: (y, t, q) => Math.max(q * (t - y), (q - 1) * (t - y)),
    slope: (y, t, q) => (y < t ? -q : y > t ? 1 - q : 0),
  },
  // -log sigmoid(z) = softplus(-z), -log(1 - sigmoid(z)) = softplus(z)
  binaryCrossEntropy: { f: (z, p) => p * softplus(-z) + (1 - p) * softplus(z), slope: (z, p) => logistic(z) - p },
};

/** y [rows, cols], targets [rows, width]. */
export function valueLoss(kind: ValueLoss, rows: number, y: Numbers, target: Numbers, weights: Numbers | null) {
  const [cols, width] = [y.length / rows, target.length / rows];
  const numbers = kind.kind === 'quantile' ? kind.quantiles : kind.kind === 'huber' ? [kind.delta] : [0];
  const gradient = new Array<number>(y.length).fill(0);
  let total = 0;
  let divisor = 0;
  for (let r = 0; r < rows; r++) {
    const weight = weights ? weights[r]! : 1;
    divisor += weight * (kind.kind === 'gaussian' ? width : cols);
    for (let c = 0; c < cols; c++) {
      if (kind.kind === 'gaussian') {
        if (c >= width) continue;
        const [mu, s, t] = [y[r * cols + c]!, y[r * cols + width + c]!, target[r * width + c]!];
        total += (weight * (s + ((t - mu) * (t - mu)) / Math.exp(s))) / 2;
        gradient[r * cols + c] = (weight * (mu - t)) / Math.exp(s);
        gradient[r * cols + width + c] = (weight * (1 - ((t - mu) * (t - mu)) / Math.exp(s))) / 2;
      } else {
        const [t, q] = [target[r * width + Math.floor(c / numbers.length)]!, numbers[c % numbers.length]!];
        total += weight * ELEMENTS[kind.kind].f(y[r * cols + c]!, t, q);
        gradient[r * cols + c] = weight * ELEMENTS[kind.kind].slope(y[r * cols + c]!, t, q);
      }
    }
  }
  const over = (v: number): number => (divisor === 0 ? 0 : v / divisor);
  return { loss: over(total), gradient: gradient.map(over) };
}

/** The labels of a path: repeats merged, blanks removed. */
const reading = (path: Numbers, blank: number): string =>
  path.filter((k, t) => k !== path[t - 1] && k !== blank).join();

/** -log of the total probability of the paths that give the labels, by enumerating all C^T paths. */
export function ctcByPaths(logits: readonly Numbers[], labels: Numbers, blank: number): number {
  const p = logits.map((row) => {
    const all = row.reduce((sum, z) => sum + Math.exp(z), 0);
    return row.map((z) => Math.exp(z) / all);
  });
  const C = logits[0]!.length;
  let total = 0;
  for (let code = 0; code < C ** p.length; code++) {
    const path = p.map((_, t) => Math.floor(code / C ** t) % C);
    if (reading(path, blank) === labels.join()) total += path.reduce((product, k, t) => product * p[t]![k]!, 1);
  }
  return -Math.log(total);
}
