/** ONNX's names of activations. */
import type { ActivationKind } from '../../contract/kernels.js';

/** The name of each activation, and how many of alpha and beta it takes. Affine computes the identity with 1 and 0. */
export const ONNX_ACTIVATIONS: Readonly<Record<ActivationKind, readonly [name: string, takes: 0 | 1 | 2]>> = {
  sigmoid: ['Sigmoid', 0],
  tanh: ['Tanh', 0],
  relu: ['Relu', 0],
  identity: ['Affine', 2],
  affine: ['Affine', 2],
  leakyRelu: ['LeakyRelu', 1],
  thresholdedRelu: ['ThresholdedRelu', 1],
  scaledTanh: ['ScaledTanh', 2],
  hardSigmoid: ['HardSigmoid', 2],
  elu: ['Elu', 1],
  softsign: ['Softsign', 0],
  softplus: ['Softplus', 0],
};
