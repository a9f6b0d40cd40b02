import { biasCorrection } from '../contract/kernels.js';
import type { Optimizer } from './optimizer.js';
import { optimizerOf } from './rule.js';
import { settingsOf } from './settings.js';

const DEFAULTS = {
  learningRate: 2e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  momentumDecay: 4e-3,
  weightDecay: 0,
  doubleMu: false,
};

/**
 * Settings of `nadam`: `learningRate` 0.002, `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, `momentumDecay` 0.004, L2
 * `weightDecay` 0. `doubleMu` (false) counts mu_t twice in the product to t+1, as torch 1.12 and 1.13 did by mistake. Use it
 * to continue what was trained with them.
 */
export type NadamSettings = Partial<typeof DEFAULTS>;

/**
 * NAdam (Dozat 2016), as torch.optim.NAdam since 2.0:
 *   m and v as in Adam;  mu_t = b1 (1 - 0.96^(t momentumDecay) / 2);  s = sqrt(v / (1-b2^t)) + eps
 *   w -= learningRate ((1-mu_t) / (1 - mu_1..mu_t) g + mu_{t+1} / (1 - mu_1..mu_{t+1}) m) / s
 * Throws `INVALID_SETTING`.
 */
export function nadam(given?: NadamSettings): Optimizer {
  const settings = settingsOf('nadam', DEFAULTS, given);
  const { beta1, beta2, eps, momentumDecay, weightDecay, doubleMu } = settings;
  const mu = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
  const productTo = runningProduct(mu);
  return optimizerOf({
    kind: 'nadam',
    settings,
    state: ['m', 'v'],
    l2: weightDecay,
    update({ w, g, m, v, rate, t }, row) {
      row.average(m, beta1, g);
      row.averageSquare(v, beta2, g);
      const { root } = biasCorrection(beta1, beta2, t); // the fractions, times root above and below:
      const s = row.root(v, { outside: eps * root });
      const product = productTo(t);
      const next = mu(t + 1);
      const productToNext = product * next * (doubleMu ? mu(t) : 1);
      row.subtractQuotient(w, (rate * root * (1 - mu(t))) / (1 - product), g, s);
      row.subtractQuotient(w, (rate * root * next) / (1 - productToNext), m, s);
    },
  });
}

/** t -> f(1) f(2) ... f(t). It continues from the last t, so that calls in order take constant time. */
function runningProduct(f: (t: number) => number): (t: number) => number {
  let [last, product] = [0, 1];
  return (t) => {
    if (last > t) [last, product] = [0, 1];
    while (last < t) product *= f(++last);
    return product;
  };
}
