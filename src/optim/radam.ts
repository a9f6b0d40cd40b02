import type { Optimizer } from './optimizer.js';
import { runningMeans, settingsOf, withDecay } from './settings.js';

const STANDARD = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };
/** Learning rate 0.001, `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, L2 `weightDecay` 0. */
export type RadamSettings = Partial<typeof STANDARD>;

/**
 * RAdam (Liu et al. 2020, algorithm 2), as torch.optim.RAdam: Adam's m and v; with n = 2/(1-b2) - 1 and
 * n_t = n - 2 t b2^t / (1-b2^t), the root is used only where its variance is known to be finite (n_t > 5):
 *   w -= learningRate * m / (1-b1^t) * [r sqrt(1-b2^t) / (sqrt(v) + eps)],  r^2 = (n_t-4)(n_t-2) n / ((n-4)(n-2) n_t)
 */
export function radam(settings: RadamSettings = {}): Optimizer {
  const spec = { kind: 'radam', ...settingsOf('radam', STANDARD, settings) };
  const { beta1, beta2, eps, weightDecay } = spec;
  const n = 2 / (1 - beta2) - 1;
  return {
    spec,
    state: ['m', 'v'],
    apply(pass) {
      const { kernels: k, parameters: w, state, learningRate, update, scratch } = pass;
      const { m, v } = state;
      const g = withDecay(pass, weightDecay, 0);
      runningMeans(pass, g, { beta1, beta2 });
      const power = beta2 ** update;
      const now = n - (2 * update * power) / (1 - power);
      const size = learningRate / (1 - beta1 ** update);
      if (now <= 5) {
        k.combine(w, 1, w, -size, m!);
        return;
      }
      const r = Math.sqrt(((now - 4) * (now - 2) * n) / ((n - 4) * (n - 2) * now));
      const below = scratch(1);
      k.root(below, v!, 0, eps);
      k.addQuotient(w, -size * r * Math.sqrt(1 - power), m!, below);
    },
  };
}
