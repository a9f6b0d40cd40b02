import { invalidSetting } from '../errors.js';
import type { Optimizer } from './optimizer.js';
import { settingsOf } from './settings.js';

export interface SgdSettings {
  /** Learning rate. */
  readonly learningRate: number;
  /** Default 0: no momentum, no state. */
  readonly momentum?: number;
  /** Share of the gradient that does not enter the momentum. Default 0. */
  readonly dampening?: number;
  /** Look ahead along the momentum (needs momentum, and no dampening). Default false. */
  readonly nesterov?: boolean;
  /** L2: weightDecay * w is added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent, as torch.optim.SGD:
 *   d = g + decay*w;  u = d at the first step, else momentum*u + (1 - dampening)*d;
 *   w -= learningRate * (u, or d + momentum*u with Nesterov)
 * Sutskever et al. 2013. Throws `INVALID_SETTING`.
 */
export function sgd(settings: SgdSettings): Optimizer {
  const { learningRate, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = settings;
  const spec = settingsOf('sgd', { learningRate, momentum, dampening, nesterov, weightDecay }, {});
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw invalidSetting('sgd.nesterov', 'needs a momentum over 0 and a dampening of 0.');
  }
  return {
    spec: { kind: 'sgd', ...spec },
    state: momentum > 0 ? ['velocity'] : [],
    apply({ kernels, parameters, gradients, state, update, learningRate: now }) {
      const options = { ...spec, learningRate: now, first: update === 1 };
      kernels.sgdUpdate(parameters, gradients, state.velocity ?? null, options);
    },
  };
}
