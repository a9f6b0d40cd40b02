import type { Optimizer } from './optimizer.js';
import { settingsOf, withDecay } from './settings.js';

const STANDARD = { learningRate: 0.01, learningRateDecay: 0, eps: 1e-10, weightDecay: 0 };
/** Learning rate 0.01, `learningRateDecay` 0 (the learningRate is divided by 1 + (step-1) learningRateDecay), `eps` 1e-10, L2 `weightDecay` 0. */
export type AdagradSettings = Partial<typeof STANDARD>;

/** Adagrad (Duchi et al. 2011), as torch.optim.Adagrad: v += g^2;  w -= learningRate * g / (sqrt(v) + eps). */
export function adagrad(settings: AdagradSettings = {}): Optimizer {
  const spec = { kind: 'adagrad', ...settingsOf('adagrad', STANDARD, settings) };
  const { learningRateDecay, eps, weightDecay } = spec;
  return {
    spec,
    state: ['v'],
    apply(pass) {
      const { kernels: k, parameters: w, state, learningRate, update, scratch } = pass;
      const g = withDecay(pass, weightDecay, 0);
      const below = scratch(1);
      k.mixProduct(state.v!, 1, 1, g, g);
      k.root(below, state.v!, 0, eps);
      k.addQuotient(w, -learningRate / (1 + (update - 1) * learningRateDecay), g, below);
    },
  };
}
