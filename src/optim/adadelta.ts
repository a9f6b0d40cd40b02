import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = { learningRate: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 };

/** Settings of `adadelta`: `learningRate` 1, decay of the running means `rho` 0.9, `eps` 1e-6, L2 `weightDecay` 0. */
export type AdadeltaSettings = Partial<typeof DEFAULTS>;

/**
 * Adadelta (Zeiler 2012), as torch.optim.Adadelta:
 *   v = rho v + (1-rho) g^2;  d = sqrt(u + eps) / sqrt(v + eps) g;  u = rho u + (1-rho) d^2;  w -= learningRate d
 * Throws `INVALID_SETTING`.
 */
export function adadelta(given?: AdadeltaSettings): Optimizer {
  const settings = settingsOf('adadelta', DEFAULTS, given);
  const { rho, eps, weightDecay } = settings;
  return optimizerOf({
    kind: 'adadelta',
    settings,
    state: ['v', 'u'],
    l2: weightDecay,
    update({ w, g, v, u, rate }, row) {
      row.averageSquare(v, rho, g);
      const numerator = row.root(u, { inside: eps });
      row.kernels.multiply(numerator, numerator, g, false);
      const d = row.quotient(numerator, row.root(v, { inside: eps }));
      row.averageSquare(u, rho, d);
      row.subtract(w, rate, d);
    },
  });
}
