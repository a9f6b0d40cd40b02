import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = { learningRate: 0.01, learningRateDecay: 0, eps: 1e-10, weightDecay: 0 };

/**
 * Settings of `adagrad`: `learningRate` 0.01, which is divided by 1 + (t-1) `learningRateDecay` (0) at update t, `eps` 1e-10,
 * L2 `weightDecay` 0.
 */
export type AdagradSettings = Partial<typeof DEFAULTS>;

/**
 * Adagrad (Duchi et al. 2011), as torch.optim.Adagrad:
 *   v += g^2;  w -= learningRate g / (sqrt(v) + eps)
 * Throws `INVALID_SETTING`.
 */
export function adagrad(given?: AdagradSettings): Optimizer {
  const settings = settingsOf('adagrad', DEFAULTS, given);
  const { learningRateDecay, eps, weightDecay } = settings;
  return optimizerOf({
    kind: 'adagrad',
    settings,
    state: ['v'],
    l2: weightDecay,
    update({ w, g, v, rate, t }, row) {
      row.addSquare(v, 1, g);
      row.subtractQuotient(w, rate / (1 + (t - 1) * learningRateDecay), g, row.root(v, { outside: eps }));
    },
  });
}
