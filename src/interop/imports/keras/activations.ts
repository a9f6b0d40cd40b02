/** Activations of Keras, by name. */
import type { ActivationSpec } from '../../../core/lstm/spec.js';

/** Which program wrote a file: hard sigmoids differ. */
export interface Version {
  /**
   * The slope of `hard_sigmoid`: x / 6 + 0.5 since Keras 3, 0.2 x + 0.5 in Keras 1 and 2 and TensorFlow.js. Null if the file does
   * not say which.
   */
  readonly hardSigmoid: number | null;
}

/** The version that a file has in its metadata, such as `3.15.1`, `2.15.0-tf` or `tfjs-layers 4.22.0`. */
export function versionOf(text: unknown): Version {
  if (typeof text !== 'string') return { hardSigmoid: null };
  const major = Number.parseInt(text, 10);
  if (text.startsWith('tfjs') || major < 3) return { hardSigmoid: 0.2 };
  return { hardSigmoid: Number.isNaN(major) ? null : 1 / 6 };
}

const NAMES: Readonly<Record<string, ActivationSpec>> = {
  sigmoid: 'sigmoid',
  tanh: 'tanh',
  relu: 'relu',
  linear: 'identity',
  elu: 'elu',
  softsign: 'softsign',
  softplus: 'softplus',
  leaky_relu: { kind: 'leakyRelu', alpha: 0.2 },
};

/** An activation as Unspool has it, or a text: why it cannot be expressed, as the end of a sentence. */
export function activationOf(value: unknown, { hardSigmoid }: Version): { readonly spec: ActivationSpec } | string {
  if (value === undefined) return 'is missing';
  if (value === null) return { spec: 'identity' };
  if (typeof value !== 'string') return 'is custom code';
  if (value === 'hard_sigmoid') {
    if (hardSigmoid !== null) return { spec: { kind: 'hardSigmoid', alpha: hardSigmoid, beta: 0.5 } };
    return 'is hard_sigmoid, which is 0.2 x + 0.5 before Keras 3 and x / 6 + 0.5 since, and the file has no keras_version';
  }
  if (Object.hasOwn(NAMES, value)) return { spec: NAMES[value]! };
  return `is ${JSON.stringify(value.slice(0, 40))}, which Unspool does not have`;
}
