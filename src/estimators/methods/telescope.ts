/**
 * Randomized telescope (Beatson & Adams 2019). The gradient is the limit of its truncations, G = G_1 + (G_2 - G_1) + ... With a random
 * number K of terms, each divided by the probability of reaching it, the mean is still G:
 *
 *   estimate = sum over k <= K of (G_k - G_{k-1}) / P(K >= k),   P(K >= k) = keep^(k-1)
 *
 * G_k - G_{k-1} is the part of the gradient with a lag of exactly k - 1 steps.
 */

import { requireNumber } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { defineEstimator, type GradientEstimator, productMacs } from '../estimator.js';
import type { SystemStep } from '../system.js';

/** Randomized telescope (Beatson & Adams 2019): unbiased. `keep` is the probability of one more term; each emission draws one K. */
export const randomizedTelescope = defineEstimator(
  'randomizedTelescope',
  { summary: 'unbiased: a random horizon, its terms scaled up', settings: ['keep'] },
  ({ keep }: { readonly keep: number }): GradientEstimator => {
    requireNumber('keep', keep, 0.001, 1);
    return {
      name: `randomizedTelescope(keep=${keep})`,
      unbiased: true,
      stochastic: true,
      direction: 'backward',
      every: null,
      start(system, random) {
        const steps: SystemStep[] = [];
        const cost = { floats: 0, macs: 0 };
        let counted = 0;
        return {
          cost,
          step(step) {
            steps.push(step);
            cost.floats += 3 * step.state.length;
          },
          emit(gradient: FloatArray) {
            let terms = 1;
            while (terms < steps.length && random.uniform() < keep) terms++;
            for (let t = counted; t < steps.length; t++) {
              let delta = steps[t]!.lossGradient(gradient);
              for (let k = 0; k < terms && t - k >= 0; k++) {
                // After k steps back, the cotangent is divided by keep^k.
                if (k > 0) for (let i = 0; i < delta.length; i++) delta[i]! /= keep;
                delta = steps[t - k]!.vjp(delta, gradient);
                cost.macs += productMacs(system);
              }
            }
            counted = steps.length;
          },
          reset() {
            for (const step of steps) step.release();
            steps.length = 0;
            counted = 0;
            cost.floats = 0;
          },
        };
      },
    };
  },
);
