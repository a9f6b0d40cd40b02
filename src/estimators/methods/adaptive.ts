/**
 * Adaptive truncation (after Aicher et al. 2019, arXiv:1905.07473): each loss goes back as far as its gradient requires. With
 * phi_k = |dl_t/ds_{t-k}| and phi_{k+1} <= beta phi_k for all larger k, the gradient beyond lag k is at most
 *
 *   rest = m phi_k beta / (1 - beta),   beta = (phi_k / phi_{k/2})^(1 / (k - k/2)),   m = max over lags of |F' dl_t/ds| / phi
 *
 * and the backward pass ends when rest <= bias (|g| - rest), with g the gradient so far. The paper computes one horizon from means
 * of phi over data; here each loss has its own horizon. The bound is an estimate: it fails if phi rises again later, and the sum of
 * losses whose gradients cancel loses a larger share.
 */

import { requireInteger, requireNumber } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import {
  defineEstimator,
  type EstimatorCost,
  type EstimatorRun,
  type GradientEstimator,
  productMacs,
} from '../estimator.js';
import type { System, SystemStep } from '../system.js';
import { addScaled, norm } from '../vectors.js';

const MIN_LAGS = 3; // lags needed to estimate the decay

class AdaptiveRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly system: System;
  private readonly bias: number;
  private readonly max: number;
  private readonly steps: SystemStep[] = [];
  private fresh = 0; // number of last steps whose losses have not been propagated

  constructor(system: System, bias: number, max: number) {
    [this.system, this.bias, this.max] = [system, bias, max];
  }

  step(step: SystemStep): void {
    this.steps.push(step);
    this.fresh++;
    this.cost.floats = this.steps.length * 3 * step.state.length + 2 * this.system.parameters.length;
  }

  emit(gradient: FloatArray): void {
    const { steps, max } = this;
    for (let t = steps.length - this.fresh; t < steps.length; t++) this.back(t, gradient);
    this.fresh = 0;
    for (const step of steps.splice(0, Math.max(0, steps.length - max + 1))) step.release();
  }

  private back(t: number, gradient: FloatArray): void {
    const { steps, system, bias, cost } = this;
    const [sum, one] = [new Float64Array(gradient.length), new Float64Array(gradient.length)];
    let delta = steps[t]!.lossGradient(gradient);
    const phi: number[] = [];
    let m = 0;
    for (let k = 0; k < this.max && k <= t; k++) {
      phi.push(norm(delta));
      if (phi[k] === 0) break;
      one.fill(0);
      delta = steps[t - k]!.vjp(delta, one);
      cost.macs += productMacs(system);
      addScaled(sum, 1, one);
      m = Math.max(m, norm(one) / phi[k]!);
      const half = Math.floor(k / 2);
      const beta = k === 0 ? 1 : (phi[k]! / phi[half]!) ** (1 / (k - half));
      if (k + 1 < MIN_LAGS || beta >= 1) continue;
      const rest = (m * phi[k]! * beta) / (1 - beta);
      if (rest <= bias * (norm(sum) - rest)) break;
    }
    addScaled(gradient, 1, sum);
  }

  reset(): void {
    for (const step of this.steps) step.release();
    this.steps.length = 0;
    this.fresh = 0;
  }
}

/**
 * Adaptive truncated BPTT (after Aicher et al. 2019): biased, with a bound on the bias.
 *
 * @param options.bias estimated share of each loss's gradient that may be missing.
 * @param options.max maximum number of steps to keep and to go back.
 */
export const adaptiveTbptt = defineEstimator(
  'adaptiveTbptt',
  {
    summary: 'biased: truncates each loss where the estimated share of the gradient that is lost falls below `bias`',
    settings: ['bias', 'max'],
  },
  ({ bias, max }: { readonly bias: number; readonly max: number }): GradientEstimator => {
    requireNumber('bias', bias, 1e-12, 1);
    requireInteger('max', max, 1, 1 << 24);
    return {
      name: `adaptiveTbptt(bias=${bias}, max=${max})`,
      unbiased: false,
      stochastic: false,
      direction: 'backward',
      every: 1,
      start: (system) => new AdaptiveRun(system, bias, max),
    };
  },
);
