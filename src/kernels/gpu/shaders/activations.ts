/** Activation functions of the cell variants, and their derivatives. */
import type { Activation } from '../../../contract/kernels.js';
import { atLeast, atMost, clamp, exp, expMinus1, floatLiteral, log1p, sigmoid, tanh } from './math.js';

/** The largest finite number. */
const LARGEST = '3.4028234663852886e38';

/**
 * alpha v + beta, without the loss of digits where the terms cancel: alpha (v - root), with a root of two float32 numbers. The
 * difference from the first is exact near it. Without a root in range, the terms do not cancel.
 */
function line({ alpha, beta }: Activation, v: string): string {
  const root = -beta / alpha;
  const first = Math.fround(root);
  if (beta === 0 || !Number.isFinite(first)) return `${floatLiteral(alpha)} * ${v} + ${floatLiteral(beta)}`;
  return `${floatLiteral(alpha)} * (${v} - ${floatLiteral(first)}) + ${floatLiteral(-alpha * (root - first))}`;
}

/** The largest float32 number that is not above a number. */
function roundedDown(value: number): number {
  const bits = new Int32Array(1);
  const float = new Float32Array(bits.buffer);
  float[0] = value;
  if (float[0]! > value) bits[0]! += value > 0 ? -1 : 1;
  return float[0]!;
}

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
      return line({ kind, alpha, beta }, v);
    case 'leakyRelu':
      return `${atLeast('0.0', v)} + ${a} * ${atMost('0.0', v)}`;
    case 'thresholdedRelu':
      return `${v} <= ${floatLiteral(roundedDown(alpha))} ? 0.0 : ${v}`;
    case 'scaledTanh':
      return `${a} * ${tanh(`(${b} * ${v})`)}`;
    case 'hardSigmoid':
      return atMost('1.0', atLeast('0.0', `(${line({ kind, alpha, beta }, v)})`));
    case 'elu':
      return `${atLeast('0.0', v)} + ${a} * ${expMinus1(atMost('0.0', v))}`;
    case 'softsign':
      return `${clamp(LARGEST, v)} / (1.0 + Math.abs(${clamp(LARGEST, v)}))`;
    case 'softplus':
      return `${atLeast('0.0', v)} + ${log1p(exp(`-Math.abs(${v})`))}`;
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
      return `-${expMinus1(`-${s}`)}`;
    default:
      return kind satisfies never;
  }
}
