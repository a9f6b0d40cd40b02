import { invalidSetting } from '../errors.js';
import type { Optimizer } from './optimizer.js';
import { settingsOf } from './settings.js';

/** Settings of `sgd`. */
export interface SgdSettings {
  /** Learning rate. Required. */
  readonly learningRate: number;
  /** Default 0: no momentum, no state. */
  readonly momentum?: number;
  /** Share of the gradient that does not enter the momentum. Default 0. */
  readonly dampening?: number;
  /** Nesterov momentum; needs a momentum greater than 0 and a dampening of 0. Default false. */
  readonly nesterov?: boolean;
  /** L2 weight decay: weightDecay * w is added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

const DEFAULTS: Required<SgdSettings> = {
  learningRate: undefined as unknown as number, // required
  momentum: 0,
  dampening: 0,
  nesterov: false,
  weightDecay: 0,
};

/**
 * Stochastic gradient descent (momentum and Nesterov: Sutskever et al. 2013), as torch.optim.SGD:
 *   d = g + weightDecay w;  u = d at the first update, then u = momentum u + (1 - dampening) d
 *   w -= learningRate d;  with momentum: w -= learningRate u;  Nesterov: w -= learningRate (d + momentum u)
 * Throws `INVALID_SETTING`.
 */
export function sgd(given: SgdSettings): Optimizer {
  const settings = settingsOf('sgd', DEFAULTS, given);
  const { momentum, dampening, nesterov } = settings;
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw invalidSetting('sgd.nesterov', 'needs a momentum greater than 0 and a dampening of 0.');
  }
  return {
    spec: { kind: 'sgd', ...settings },
    state: momentum > 0 ? ['velocity'] : [],
    apply({ kernels, parameters, gradients, state, learningRate: rate, update }) {
      const options = { ...settings, learningRate: rate, first: update === 1 };
      kernels.sgdUpdate(parameters, gradients, state.velocity ?? null, options);
    },
  };
}
