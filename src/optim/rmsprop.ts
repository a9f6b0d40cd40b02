import type { Optimizer } from './optimizer.js';
import { settingsOf, withDecay } from './settings.js';

const STANDARD = { learningRate: 0.01, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 };
/** Learning rate 0.01, memory of the squares `alpha` 0.99, `eps` 1e-8, `momentum` 0, `centered` false, L2 `weightDecay` 0. */
export type RmspropSettings = Partial<typeof STANDARD>;

/**
 * RMSprop (Tieleman & Hinton 2012; centered: Graves 2013), as torch.optim.RMSprop, g being the gradient and L2 decay:
 *   v = a*v + (1-a)*g^2;  [centered: m = a*m + (1-a)*g, v' = v - m^2;]  d = g / (sqrt(v') + eps)
 *   w -= learningRate * d, or with momentum u = momentum*u + d;  w -= learningRate * u
 */
export function rmsprop(settings: RmspropSettings = {}): Optimizer {
  const spec = { kind: 'rmsprop', ...settingsOf('rmsprop', STANDARD, settings) };
  const { alpha, eps, momentum, centered, weightDecay } = spec;
  return {
    spec,
    state: ['v', ...(centered ? ['m'] : []), ...(momentum > 0 ? ['u'] : [])],
    apply(pass) {
      const { kernels: k, parameters: w, state, learningRate, scratch } = pass;
      const { v, m, u } = state;
      const g = withDecay(pass, weightDecay, 0);
      const below = scratch(1);
      k.mixProduct(v!, alpha, 1 - alpha, g, g);
      k.copy(below, v!);
      if (m) {
        k.combine(m, alpha, m, 1 - alpha, g);
        k.mixProduct(below, 1, -1, m, m);
      }
      k.root(below, below, 0, eps);
      if (u) k.combine(u, momentum, u, 0, u);
      k.addQuotient(u ?? w, u ? 1 : -learningRate, g, below);
      if (u) k.combine(w, 1, w, -learningRate, u);
    },
  };
}
