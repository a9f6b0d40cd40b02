import type { Optimizer, OptimizerPass } from './optimizer.js';
import { runningMeans, settingsOf, withDecay } from './settings.js';

export interface AdamSettings {
  /** Learning rate. Default 0.001. */
  readonly learningRate?: number;
  /** Memory of the running mean of the gradient. Default 0.9. */
  readonly beta1?: number;
  /** Memory of the running mean of its square. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root, against division by 0. Default 1e-8. */
  readonly eps?: number;
  /** Default 0 for `adam` and `amsgrad`, 0.01 for `adamW`. */
  readonly weightDecay?: number;
}

const STANDARD = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

/**
 * Adam (Kingma & Ba 2015, algorithm 1), as torch.optim.Adam; weight decay is L2, added to the gradient:
 *   m = b1*m + (1-b1)*g;  v = b2*v + (1-b2)*g^2;  w -= learningRate * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)
 * Throws `INVALID_SETTING`.
 */
export function adam(settings: AdamSettings = {}): Optimizer {
  return rule('adam', settingsOf('adam', STANDARD, settings), false);
}

/** Adam with weight decay apart from the gradient: w *= 1 - learningRate*decay (Loshchilov & Hutter 2019), as torch's AdamW. */
export function adamW(settings: AdamSettings = {}): Optimizer {
  return rule('adamW', settingsOf('adamW', { ...STANDARD, weightDecay: 0.01 }, settings), true);
}

function rule(kind: string, settings: Required<AdamSettings>, decoupled: boolean): Optimizer {
  const { beta1, beta2, eps, weightDecay } = settings;
  return {
    spec: { kind, ...settings },
    state: ['m', 'v'],
    apply({ kernels, parameters, gradients, state, update, learningRate }) {
      const options = { learningRate, beta1, beta2, eps, weightDecay, decoupled, update };
      kernels.adamUpdate(parameters, gradients, state.m!, state.v!, options);
    },
  };
}

/** Adam whose root never falls: it divides by that of the largest v so far (Reddi et al. 2018), as torch's `amsgrad`. */
export function amsgrad(settings: AdamSettings = {}): Optimizer {
  const all = settingsOf('amsgrad', STANDARD, settings);
  const { beta1, beta2, eps, weightDecay } = all;
  return {
    spec: { kind: 'amsgrad', ...all },
    state: ['m', 'v', 'largest'],
    apply(pass: OptimizerPass) {
      const { kernels: k, parameters: w, state, learningRate, update, scratch } = pass;
      const { m, v, largest } = state;
      const g = withDecay(pass, weightDecay, 0);
      const below = scratch(1);
      runningMeans(pass, g, { beta1, beta2 });
      k.maximum(largest!, largest!, v!);
      const correct2 = Math.sqrt(1 - beta2 ** update);
      k.root(below, largest!, 0, eps * correct2);
      k.addQuotient(w, (-learningRate * correct2) / (1 - beta1 ** update), m!, below);
    },
  };
}
