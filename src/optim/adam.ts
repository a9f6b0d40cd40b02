import type { Optimizer } from './optimizer.js';
import { settingsOf } from './settings.js';

/** Settings of `adam`, `adamW` and `amsgrad`. */
export interface AdamSettings {
  /** Learning rate. Default 0.001. */
  readonly learningRate?: number;
  /** Decay of the running mean of the gradient. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the running mean of its square. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root, against division by 0. Default 1e-8. */
  readonly eps?: number;
  /** Default 0 for `adam` and `amsgrad`, 0.01 for `adamW`. */
  readonly weightDecay?: number;
}

/** Defaults of `adam` and `amsgrad`. */
export const DEFAULTS = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

/**
 * Adam (Kingma & Ba 2015, algorithm 1), as torch.optim.Adam. Weight decay is L2: it is added to the gradient.
 *   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= learningRate (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
 * Throws `INVALID_SETTING`.
 */
export function adam(given?: AdamSettings): Optimizer {
  return adamRule('adam', settingsOf('adam', DEFAULTS, given), false);
}

/**
 * AdamW (Loshchilov & Hutter 2019), as torch.optim.AdamW: Adam whose weight decay does not pass through the gradient,
 *   w *= 1 - learningRate weightDecay, before Adam's update.
 * Throws `INVALID_SETTING`.
 */
export function adamW(given?: AdamSettings): Optimizer {
  return adamRule('adamW', settingsOf('adamW', { ...DEFAULTS, weightDecay: 0.01 }, given), true);
}

/** One instruction of the backend does the whole update, so this rule does not need `optimizerOf`. */
function adamRule(kind: string, settings: Required<AdamSettings>, decoupled: boolean): Optimizer {
  const { beta1, beta2, eps, weightDecay } = settings;
  return {
    spec: { kind, ...settings },
    state: ['m', 'v'],
    apply({ kernels, parameters, gradients, state, learningRate, update }) {
      const options = { learningRate, beta1, beta2, eps, weightDecay, decoupled, update };
      kernels.adamUpdate(parameters, gradients, state.m!, state.v!, options);
    },
  };
}
