import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 };

/** Settings of `radam`: `learningRate` 0.001, `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, L2 `weightDecay` 0. */
export type RadamSettings = Partial<typeof DEFAULTS>;

/**
 * RAdam (Liu et al. 2020, algorithm 2), as torch.optim.RAdam:
 *   m and v as in Adam;  n = 2/(1-b2) - 1;  n_t = n - 2 t b2^t / (1-b2^t)
 *   if n_t > 5, the variance of the root is finite:  r^2 = (n_t-4)(n_t-2) n / ((n-4)(n-2) n_t)
 *     w -= learningRate m / (1-b1^t) r sqrt(1-b2^t) / (sqrt(v) + eps)
 *   else  w -= learningRate m / (1-b1^t)
 * Throws `INVALID_SETTING`.
 */
export function radam(given?: RadamSettings): Optimizer {
  const settings = settingsOf('radam', DEFAULTS, given);
  const { beta1, beta2, eps, weightDecay } = settings;
  const n = 2 / (1 - beta2) - 1;
  return optimizerOf({
    kind: 'radam',
    settings,
    state: ['m', 'v'],
    l2: weightDecay,
    update({ w, g, m, v, rate, t }, row) {
      row.average(m, beta1, g);
      row.averageSquare(v, beta2, g);
      const power = beta2 ** t;
      const nt = n - (2 * t * power) / (1 - power);
      const size = rate / (1 - beta1 ** t);
      if (nt > 5) {
        const r = Math.sqrt(((nt - 4) * (nt - 2) * n) / ((n - 4) * (n - 2) * nt));
        row.subtractQuotient(w, size * r * Math.sqrt(1 - power), m, row.root(v, { outside: eps }));
      } else row.subtract(w, size, m);
    },
  });
}
