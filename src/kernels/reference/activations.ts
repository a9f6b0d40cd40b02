/** Activations, and their slopes as functions of the value s = f(x) (docs/derivation.md, V1). */
import type { Activation } from '../../contract/kernels.js';
import { sigmoid } from './cell.js';

export function activate({ kind, alpha, beta }: Activation, x: number): number {
  switch (kind) {
    case 'sigmoid':
      return sigmoid(x);
    case 'tanh':
      return Math.tanh(x);
    case 'identity':
      return x;
    case 'relu':
      return Math.max(0, x);
    case 'affine':
      return alpha * x + beta;
    case 'leakyRelu':
      return x > 0 ? x : alpha * x;
    case 'thresholdedRelu':
      return x <= alpha ? 0 : x; // NaN stays NaN
    case 'scaledTanh':
      return alpha * Math.tanh(beta * x);
    case 'hardSigmoid':
      return Math.min(1, Math.max(0, alpha * x + beta));
    case 'elu':
      return x > 0 ? x : alpha * Math.expm1(x);
    case 'softsign':
      return Math.abs(x) === Number.POSITIVE_INFINITY ? Math.sign(x) : x / (1 + Math.abs(x));
    case 'softplus':
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    default:
      return kind satisfies never;
  }
}

/** f'(x) as a function of s = f(x). At a kink, the slope of the flat side. */
export function slopeAt({ kind, alpha, beta }: Activation, s: number): number {
  switch (kind) {
    case 'sigmoid':
      return s * (1 - s);
    case 'tanh':
      return 1 - s * s;
    case 'identity':
      return 1;
    case 'relu':
      return s > 0 ? 1 : 0;
    case 'affine':
      return alpha;
    case 'leakyRelu':
      return s > 0 ? 1 : alpha;
    case 'thresholdedRelu':
      return s === 0 ? 0 : 1;
    case 'scaledTanh':
      return beta * (alpha - (s * s) / alpha);
    case 'hardSigmoid':
      return s > 0 && s < 1 ? alpha : 0;
    case 'elu':
      return s > 0 ? 1 : s + alpha;
    case 'softsign':
      return (1 - Math.abs(s)) ** 2;
    case 'softplus':
      return -Math.expm1(-s); // e^x / (1 + e^x), and 1 + e^x = e^s
    default:
      return kind satisfies never;
  }
}
