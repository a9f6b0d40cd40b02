import type { Optimizer } from '../core/optimizer.js';
import { requireNumber } from '../errors.js';

export interface AdamSettings {
  /** Learning rate. Default 0.001. */
  readonly rate?: number;
  /** Memory of the running mean of the gradient. Default 0.9. */
  readonly beta1?: number;
  /** Memory of the running mean of its square. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root, against division by 0. Default 1e-8. */
  readonly eps?: number;
  /** Default 0 for `adam`, 0.01 for `adamW`. */
  readonly weightDecay?: number;
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1), as torch.optim.Adam; weight decay is L2, added to the gradient:
 *   m = b1*m + (1-b1)*g;  v = b2*v + (1-b2)*g^2;  w -= rate * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
 * Throws `INVALID_SETTING`.
 */
export function adam(settings: AdamSettings = {}): Optimizer {
  return rule('adam', { weightDecay: 0, ...settings }, false);
}

/** Adam with weight decay apart from the gradient: w *= 1 - rate*decay (Loshchilov & Hutter 2019), as torch's AdamW. */
export function adamW(settings: AdamSettings = {}): Optimizer {
  return rule('adamW', { weightDecay: 0.01, ...settings }, true);
}

function rule(kind: string, settings: AdamSettings & { weightDecay: number }, decoupled: boolean): Optimizer {
  const { rate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weightDecay } = settings;
  requireNumber(`${kind}.rate`, rate, 0, Number.POSITIVE_INFINITY);
  requireNumber(`${kind}.beta1`, beta1, 0, 1 - Number.EPSILON);
  requireNumber(`${kind}.beta2`, beta2, 0, 1 - Number.EPSILON);
  requireNumber(`${kind}.eps`, eps, 0, Number.POSITIVE_INFINITY);
  requireNumber(`${kind}.weightDecay`, weightDecay, 0, Number.POSITIVE_INFINITY);
  return {
    spec: { kind, rate, beta1, beta2, eps, weightDecay },
    init: (arena) => ({ m: arena(), v: arena() }),
    apply({ kernels, parameters, gradients, state, step, rate: now }) {
      const options = { rate: now, beta1, beta2, eps, weightDecay, decoupled, step };
      kernels.adamUpdate(parameters, gradients, state.m!.matrix, state.v!.matrix, options);
    },
  };
}
