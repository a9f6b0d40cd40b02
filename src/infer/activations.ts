/** The activations of the cell's gates, by the names of a spec, with ONNX's alpha and beta (docs/derivation.md, V1). */
import type { ActivationSpec } from '../core/lstm/spec.js';
import { shown } from './errors.js';
import { invalidFile } from './file.js';

export type Activate = (x: number) => number;

/** 1 / (1 + e^-x), or e^x / (1 + e^x) for negative x: no exponential overflows. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/** Each activation, and the defaults of its alpha and beta. */
const ACTIVATIONS: Readonly<Record<string, (alpha?: number, beta?: number) => Activate>> = {
  sigmoid: () => sigmoid,
  tanh: () => Math.tanh,
  identity: () => (x) => x,
  relu: () => (x) => Math.max(0, x),
  affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      alpha * x + beta,
  leakyRelu:
    (alpha = 0.01) =>
    (x) =>
      x > 0 ? x : alpha * x,
  thresholdedRelu:
    (alpha = 1) =>
    (x) =>
      x <= alpha ? 0 : x,
  scaledTanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      alpha * Math.tanh(beta * x),
  hardSigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      Math.min(1, Math.max(0, alpha * x + beta)),
  elu:
    (alpha = 1) =>
    (x) =>
      x > 0 ? x : alpha * Math.expm1(x),
  softsign: () => (x) => (Number.isFinite(x) ? x / (1 + Math.abs(x)) : Math.sign(x)),
  softplus: () => (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};

export function activation(spec: ActivationSpec): Activate {
  const { kind, alpha, beta } = typeof spec === 'string' ? { kind: spec } : spec;
  if (!Object.hasOwn(ACTIVATIONS, kind)) throw invalidFile(`has an unknown activation, ${shown(kind)}`);
  return ACTIVATIONS[kind]!(alpha, beta);
}
