import { biasCorrection } from '../contract/kernels.js';
import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-6, weightDecay: 0.01 };

/** Settings of `lamb`: `learningRate` 0.001, `beta1` 0.9, `beta2` 0.999, `eps` 1e-6, `weightDecay` 0.01. */
export type LambSettings = Partial<typeof DEFAULTS>;

/**
 * LAMB (You et al. 2020, algorithm 2, without the bound on |w|):
 *   m and v as in Adam;  r = (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps) + weightDecay w
 *   for each tensor: w -= learningRate |w| / |r| r, with 1 instead of the ratio if either norm is 0
 * Throws `INVALID_SETTING`.
 */
export function lamb(given?: LambSettings): Optimizer {
  const settings = settingsOf('lamb', DEFAULTS, given);
  const { beta1, beta2, eps, weightDecay } = settings;
  return optimizerOf({
    kind: 'lamb',
    settings,
    state: ['m', 'v'],
    update({ w, g, m, v, rate, t, tensors, window }, row) {
      row.average(m, beta1, g);
      row.averageSquare(v, beta2, g);
      const { mean, root } = biasCorrection(beta1, beta2, t); // the fraction, times root above and below:
      const s = row.root(v, { outside: eps * root });
      const r = row.combine(weightDecay, w, 0, w);
      row.kernels.addQuotient(r, root / mean, m, s);
      const [wNorm, rNorm] = [window(row.temporary(), 0, 1), window(s, 0, 1)]; // s is no longer needed
      for (const { offset, size } of tensors) {
        const [wTensor, rTensor] = [window(w, offset, size), window(r, offset, size)];
        row.kernels.norm(wNorm, wTensor);
        row.kernels.norm(rNorm, rTensor);
        row.kernels.scaleByRatio(rTensor, wNorm, rNorm);
      }
      row.subtract(w, rate, r);
    },
  });
}
