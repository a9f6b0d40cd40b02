/**
 * Forward gradient (Baydin et al. 2022): carries the derivative along a random direction v ~ N(0, 1) forward,
 *
 *   u <- J u + F v,   d = sum over t of q u + (dl/dtheta) v,     g = d v
 *
 * Unbiased, as E[v v'] = 1; its relative variance is about P + 1.
 */
import { defineEstimator, type GradientEstimator, productMacs } from '../estimator.js';
import { addScaled, dot, randomNormals } from '../vectors.js';

/** Forward gradient (Baydin et al. 2022): unbiased, with a new random direction for each sequence. */
export const forwardGradient = defineEstimator(
  'forwardGradient',
  { summary: 'unbiased: the derivative along one random direction' },
  (): GradientEstimator => ({
    name: 'forwardGradient',
    unbiased: true,
    stochastic: true,
    direction: 'forward',
    every: null,
    start(system, random) {
      const [S, P] = [system.batchSize * system.stateSize, system.parameters.length];
      const direct = new Float64Array(P);
      const cost = { floats: 2 * P + S, macs: 0 };
      let v = randomNormals(P, random);
      let u: ArrayLike<number> = new Float64Array(S);
      let along = 0;
      return {
        cost,
        step(step) {
          u = step.jvp(u, v);
          direct.fill(0);
          along += dot(step.lossGradient(direct), u) + dot(direct, v);
          cost.macs += productMacs(system) + 2 * P;
          step.release();
        },
        emit(gradient) {
          addScaled(gradient, along, v);
          along = 0;
        },
        reset() {
          v = randomNormals(P, random);
          u = new Float64Array(S);
          along = 0;
        },
      };
    },
  }),
);
