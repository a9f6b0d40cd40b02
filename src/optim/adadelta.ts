import type { Optimizer } from './optimizer.js';
import { settingsOf, withDecay } from './settings.js';

const STANDARD = { learningRate: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 };
/** Learning rate 1, memory of the squares `rho` 0.9, `eps` 1e-6, L2 `weightDecay` 0. */
export type AdadeltaSettings = Partial<typeof STANDARD>;

/**
 * Adadelta (Zeiler 2012), as torch.optim.Adadelta: v = rho*v + (1-rho)*g^2;  d = sqrt(u + eps) / sqrt(v + eps) * g;
 * u = rho*u + (1-rho)*d^2;  w -= learningRate * d.
 */
export function adadelta(settings: AdadeltaSettings = {}): Optimizer {
  const spec = { kind: 'adadelta', ...settingsOf('adadelta', STANDARD, settings) };
  const { rho, eps, weightDecay } = spec;
  return {
    spec,
    state: ['v', 'u'],
    apply(pass) {
      const { kernels: k, parameters: w, state, learningRate, scratch } = pass;
      const { v, u } = state;
      const g = withDecay(pass, weightDecay, 0);
      const [above, below, d] = [scratch(1), scratch(2), scratch(3)];
      k.mixProduct(v!, rho, 1 - rho, g, g);
      k.root(above, u!, eps, 0);
      k.multiply(above, above, g, false);
      k.root(below, v!, eps, 0);
      k.fill(d, 0);
      k.addQuotient(d, 1, above, below);
      k.mixProduct(u!, rho, 1 - rho, d, d);
      k.combine(w, 1, w, -learningRate, d);
    },
  };
}
