import type { Optimizer } from './optimizer.js';
import { runningMeans, settingsOf } from './settings.js';

const STANDARD = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-6, weightDecay: 0.01 };
/** Learning rate 0.001, `beta1` 0.9, `beta2` 0.999, `eps` 1e-6, `weightDecay` 0.01. */
export type LambSettings = Partial<typeof STANDARD>;

/**
 * LAMB (You et al. 2020, algorithm 2, the bound on |w| left out): Adam's m^ and v^;  r = m^ / (sqrt(v^) + eps) + decay w;
 * and for each tensor on its own w -= learningRate * |w| / |r| * r (the ratio 1 where either norm is 0).
 */
export function lamb(settings: LambSettings = {}): Optimizer {
  const spec = { kind: 'lamb', ...settingsOf('lamb', STANDARD, settings) };
  const { beta1, beta2, eps, weightDecay } = spec;
  return {
    spec,
    state: ['m', 'v'],
    apply(pass) {
      const { kernels: k, parameters: w, gradients: g, state, learningRate, update, tensors, scratch, window } = pass;
      const { m, v } = state;
      const [r, below, norms] = [scratch(0), scratch(1), scratch(2)];
      runningMeans(pass, g, { beta1, beta2 });
      const correct2 = Math.sqrt(1 - beta2 ** update);
      k.root(below, v!, 0, eps * correct2);
      k.combine(r, weightDecay, w, 0, w);
      k.addQuotient(r, correct2 / (1 - beta1 ** update), m!, below);
      // `below` has served: two of its numbers hold a tensor's norms.
      const [wNorm, rNorm] = [window(norms, 0, 1), window(below, 0, 1)];
      for (const { offset, size } of tensors) {
        const [wOwn, rOwn] = [window(w, offset, size), window(r, offset, size)];
        k.norm(wNorm, wOwn);
        k.norm(rNorm, rOwn);
        k.scaleByRatio(rOwn, wNorm, rNorm);
      }
      k.combine(w, 1, w, -learningRate, r);
    },
  };
}
