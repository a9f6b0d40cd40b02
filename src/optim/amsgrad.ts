import { biasCorrection } from '../contract/kernels.js';
import { type AdamSettings, DEFAULTS } from './adam.js';
import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

/**
 * AMSGrad (Reddi et al. 2018), as torch.optim.Adam with `amsgrad`: Adam that divides by the root of the largest v so far.
 *   m and v as in Adam;  u = max(u, v);  w -= learningRate (m / (1-b1^t)) / (sqrt(u / (1-b2^t)) + eps)
 * Throws `INVALID_SETTING`.
 */
export function amsgrad(given?: AdamSettings): Optimizer {
  const settings = settingsOf('amsgrad', DEFAULTS, given);
  const { beta1, beta2, eps, weightDecay } = settings;
  return optimizerOf({
    kind: 'amsgrad',
    settings,
    state: ['m', 'v', 'largest'],
    l2: weightDecay,
    update({ w, g, m, v, largest, rate, t }, row) {
      row.average(m, beta1, g);
      row.averageSquare(v, beta2, g);
      row.kernels.maximum(largest, largest, v);
      const { mean, root } = biasCorrection(beta1, beta2, t); // the fraction, times root above and below:
      row.subtractQuotient(w, (rate * root) / mean, m, row.root(largest, { outside: eps * root }));
    },
  });
}
