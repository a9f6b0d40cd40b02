import type { Optimizer } from './optimizer.js';
import { runningMeans, settingsOf, withDecay } from './settings.js';

const STANDARD = {
  learningRate: 2e-3,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  momentumDecay: 4e-3,
  weightDecay: 0,
  doubleMu: false,
};
/**
 * Learning rate 0.002, `beta1` 0.9, `beta2` 0.999, `eps` 1e-8, `momentumDecay` 0.004, L2 `weightDecay` 0. `doubleMu` (false)
 * counts mu_t twice in the product to t+1, as torch 1.12 and 1.13 did by mistake: to go on with what was trained there.
 */
export type NadamSettings = Partial<typeof STANDARD>;

/**
 * NAdam (Dozat 2016), as torch.optim.NAdam from 2.0 on: Adam's m and v, with mu_t = b1 (1 - 0.96^(t decay) / 2) and s = sqrt(v / (1-b2^t)) + eps:
 *   w -= learningRate * ((1-mu_t) / (1 - mu_1..mu_t) * g + mu_{t+1} / (1 - mu_1..mu_{t+1}) * m) / s
 */
export function nadam(settings: NadamSettings = {}): Optimizer {
  const spec = { kind: 'nadam', ...settingsOf('nadam', STANDARD, settings) };
  const { beta1, beta2, eps, momentumDecay, weightDecay, doubleMu } = spec;
  const mu = (t: number): number => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
  let known = { step: 0, product: 1 }; // mu_1..mu_step: told by the step alone, kept so that it need not start at 1
  const productTo = (step: number): number => {
    if (known.step > step) known = { step: 0, product: 1 };
    let { product } = known;
    for (let t = known.step + 1; t <= step; t++) product *= mu(t);
    known = { step, product };
    return product;
  };
  return {
    spec,
    state: ['m', 'v'],
    apply(pass) {
      const { kernels: k, parameters: w, state, learningRate, update, scratch } = pass;
      const { m, v } = state;
      const g = withDecay(pass, weightDecay, 0);
      const below = scratch(1);
      runningMeans(pass, g, { beta1, beta2 });
      const product = productTo(update);
      const next = mu(update + 1);
      const toNext = product * next * (doubleMu ? mu(update) : 1);
      const correct2 = Math.sqrt(1 - beta2 ** update);
      k.root(below, v!, 0, eps * correct2); // s times correct2
      k.addQuotient(w, (-learningRate * correct2 * (1 - mu(update))) / (1 - product), g, below);
      k.addQuotient(w, (-learningRate * correct2 * next) / (1 - toNext), m!, below);
    },
  };
}
