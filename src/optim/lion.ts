import type { Optimizer } from './optimizer.js';
import { settingsOf } from './settings.js';

const STANDARD = { learningRate: 1e-4, beta1: 0.9, beta2: 0.99, weightDecay: 0 };
/** Learning rate 1e-4, `beta1` 0.9, `beta2` 0.99, decoupled `weightDecay` 0. */
export type LionSettings = Partial<typeof STANDARD>;

/** Lion (Chen et al. 2023, algorithm 2): w = (1 - learningRate decay) w - learningRate sign(b1*m + (1-b1)*g);  m = b2*m + (1-b2)*g. */
export function lion(settings: LionSettings = {}): Optimizer {
  const spec = { kind: 'lion', ...settingsOf('lion', STANDARD, settings) };
  const { beta1, beta2, weightDecay } = spec;
  return {
    spec,
    state: ['m'],
    apply({ kernels: k, parameters: w, gradients: g, state, learningRate, scratch }) {
      const direction = scratch(0);
      k.combine(direction, beta1, state.m!, 1 - beta1, g);
      k.sign(direction, direction);
      k.combine(w, 1 - learningRate * weightDecay, w, -learningRate, direction);
      k.combine(state.m!, beta2, state.m!, 1 - beta2, g);
    },
  };
}
