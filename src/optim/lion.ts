import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = { learningRate: 1e-4, beta1: 0.9, beta2: 0.99, weightDecay: 0 };

/** Settings of `lion`: `learningRate` 1e-4, `beta1` 0.9, `beta2` 0.99, decoupled `weightDecay` 0. */
export type LionSettings = Partial<typeof DEFAULTS>;

/**
 * Lion (Chen et al. 2023, algorithm 2):
 *   d = sign(b1 m + (1-b1) g);  w = (1 - learningRate weightDecay) w - learningRate d;  m = b2 m + (1-b2) g
 * Throws `INVALID_SETTING`.
 */
export function lion(given?: LionSettings): Optimizer {
  const settings = settingsOf('lion', DEFAULTS, given);
  const { beta1, beta2, weightDecay } = settings;
  return optimizerOf({
    kind: 'lion',
    settings,
    state: ['m'],
    update({ w, g, m, rate }, row) {
      const d = row.combine(beta1, m, 1 - beta1, g);
      row.kernels.sign(d, d);
      row.kernels.combine(w, 1 - rate * weightDecay, w, -rate, d);
      row.average(m, beta2, g);
    },
  });
}
