/** Activation functions of the cell variants, and their derivatives. */
import type { Activation } from '../../../contract/kernels.js';
import { atLeast, atMost, floatLiteral, sigmoid, tanh } from './math.js';

/** f(v). A missing case does not compile. */
export function activate({ kind, alpha, beta }: Activation, v: string): string {
  const [a, b] = [floatLiteral(alpha), floatLiteral(beta)];
  switch (kind) {
    case 'sigmoid':
      return sigmoid(v);
    case 'tanh':
      return tanh(v);
    case 'identity':
      return v;
    case 'relu':
      return atLeast('0.0', v);
    case 'affine':
      return `${a} * ${v} + ${b}`;
    case 'leakyRelu':
      return `${atLeast('0.0', v)} + ${a} * ${atMost('0.0', v)}`;
    case 'thresholdedRelu':
      return `${v} > ${a} ? ${v} : 0.0`;
    case 'scaledTanh':
      return `${a} * ${tanh(`(${b} * ${v})`)}`;
    case 'hardSigmoid':
      return atMost('1.0', atLeast('0.0', `(${a} * ${v} + ${b})`));
    case 'elu':
      return `${atLeast('0.0', v)} + ${a} * (Math.exp(${atMost('0.0', v)}) - 1.0)`;
    case 'softsign':
      return `${v} / (1.0 + Math.abs(${v}))`;
    case 'softplus':
      return `${atLeast('0.0', v)} + Math.log(1.0 + Math.exp(-Math.abs(${v})))`;
    default:
      return kind satisfies never;
  }
}

/** f'(x) where s = f(x). */
export function activationSlope({ kind, alpha, beta }: Activation, s: string): string {
  const [a, b] = [floatLiteral(alpha), floatLiteral(beta)];
  switch (kind) {
    case 'sigmoid':
      return `${s} * (1.0 - ${s})`;
    case 'tanh':
      return `1.0 - ${s} * ${s}`;
    case 'identity':
      return '1.0';
    case 'relu':
      return `${s} > 0.0 ? 1.0 : 0.0`;
    case 'affine':
      return a;
    case 'leakyRelu':
      return `${s} > 0.0 ? 1.0 : ${a}`;
    case 'thresholdedRelu':
      return `${s} == 0.0 ? 0.0 : 1.0`;
    case 'scaledTanh':
      return `${b} * (${a} - ${s} * ${s} / ${a})`;
    case 'hardSigmoid':
      return `Math.abs(${s} - 0.5) < 0.5 ? ${a} : 0.0`;
    case 'elu':
      return `${s} > 0.0 ? 1.0 : ${s} + ${a}`;
    case 'softsign':
      return `(1.0 - Math.abs(${s})) * (1.0 - Math.abs(${s}))`;
    case 'softplus':
      return `1.0 - Math.exp(-${s})`;
    default:
      return kind satisfies never;
  }
}
