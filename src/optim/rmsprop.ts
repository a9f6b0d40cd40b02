import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = { learningRate: 0.01, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 };

/**
 * Settings of `rmsprop`: `learningRate` 0.01, decay of the running means `alpha` 0.99, `eps` 1e-8, `momentum` 0, `centered`
 * false, L2 `weightDecay` 0.
 */
export type RmspropSettings = Partial<typeof DEFAULTS>;

/**
 * RMSprop (Tieleman & Hinton 2012; centered: Graves 2013), as torch.optim.RMSprop:
 *   v = a v + (1-a) g^2;  centered: m = a m + (1-a) g, s = sqrt(v - m^2) + eps;  else s = sqrt(v) + eps
 *   w -= learningRate g / s;  with momentum: u = momentum u + g / s;  w -= learningRate u
 * Throws `INVALID_SETTING`.
 */
export function rmsprop(given?: RmspropSettings): Optimizer {
  const settings = settingsOf('rmsprop', DEFAULTS, given);
  const { alpha, eps, momentum, centered, weightDecay } = settings;
  return optimizerOf<'v' | 'm' | 'u'>({
    kind: 'rmsprop',
    settings,
    state: ['v', ...(centered ? ['m' as const] : []), ...(momentum > 0 ? ['u' as const] : [])],
    l2: weightDecay,
    update({ w, g, v, m, u, rate }, row) {
      row.averageSquare(v, alpha, g);
      const s = row.temporary();
      row.kernels.copy(s, v);
      if (centered) {
        row.average(m, alpha, g);
        row.addSquare(s, -1, m);
      }
      row.kernels.root(s, s, 0, eps);
      if (momentum > 0) {
        row.kernels.combine(u, momentum, u, 0, u);
        row.kernels.addQuotient(u, 1, g, s);
        row.subtract(w, rate, u);
      } else row.subtractQuotient(w, rate, g, s);
    },
  });
}
