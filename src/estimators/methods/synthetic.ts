/**
 * Synthetic gradients (Jaderberg et al. 2016, arXiv:1608.05343): a window of k steps ends in a prediction of the gradient that all
 * later losses would send to its last state. The prediction learns from the gradient that the next window sends back. It is linear
 * in the state,
 *
 *   delta^(s) = A s + b,    A, b = 0 at first, which is TBPTT
 *   |delta^(s_0) - delta_0|^2 / 2 falls by   A -= r (delta^ - delta_0) s' / (1 + |s|^2),   b likewise
 *
 * with s_0 the first state of a window, and delta_0 the gradient at it (including the prediction at the window's end, as in
 * temporal-difference learning). The division makes r relative: r = 1 meets the target in one update.
 */

import { requireInteger, requireNumber } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { backThrough } from '../algebra/back-through.js';
import {
  defineEstimator,
  type EstimatorCost,
  type EstimatorRun,
  type GradientEstimator,
  productMacs,
} from '../estimator.js';
import { INITIAL_STATE, type StepData, type System, type SystemStep } from '../system.js';

/** Options of `syntheticGradients`. */
export interface SyntheticOptions {
  /** Steps of a window. */
  readonly k: number;
  /** Learning rate of the prediction, 0 to 1; 1 would meet its target in one update. Default 0.1. */
  readonly rate?: number;
}

class SyntheticRun implements EstimatorRun {
  readonly cost: EstimatorCost;
  /** Rows of [A | b], S of S + 1 numbers. */
  readonly learned: Float64Array;
  private readonly system: System;
  private readonly rate: number;
  private readonly kept: SystemStep[] = [];
  /** The step that made a learned initial state; no prediction is made for it. */
  private beginning: SystemStep | null = null;

  constructor(system: System, rate: number) {
    this.system = system;
    this.rate = rate;
    this.learned = new Float64Array(system.stateSize * (system.stateSize + 1));
    this.cost = { floats: this.learned.length, macs: 0 };
  }

  step(step: SystemStep, data: StepData): void {
    if (data === INITIAL_STATE) {
      this.beginning = step;
      return;
    }
    const { batchSize, stateSize } = this.system;
    this.kept.push(step);
    this.cost.floats = this.learned.length + this.kept.length * 3 * batchSize * stateSize;
  }

  emit(gradient: FloatArray): void {
    const { kept, cost, system, learned } = this;
    if (kept.length === 0) return;
    const delta = backThrough(kept.toReversed(), gradient, this.guess(kept.at(-1)!.state));
    cost.macs += kept.length * productMacs(system);
    this.learn(kept[0]!.before, delta);
    this.beginning?.vjp(delta, gradient);
    cost.macs += 3 * system.batchSize * learned.length;
    this.reset();
  }

  private guess(state: ArrayLike<number>): Float64Array {
    const { learned } = this;
    const { batchSize, stateSize: S } = this.system;
    const out = new Float64Array(batchSize * S);
    for (let n = 0; n < batchSize; n++) {
      for (let r = 0; r < S; r++) {
        const row = r * (S + 1);
        let sum = learned[row + S]!;
        for (let i = 0; i < S; i++) sum += learned[row + i]! * state[n * S + i]!;
        out[n * S + r] = sum;
      }
    }
    return out;
  }

  /** Moves the prediction towards the target; each sequence contributes its share. */
  private learn(state: ArrayLike<number>, target: FloatArray): void {
    const { learned, rate } = this;
    const { batchSize, stateSize: S } = this.system;
    const guess = this.guess(state);
    for (let n = 0; n < batchSize; n++) {
      let size = 1;
      for (let i = 0; i < S; i++) size += state[n * S + i]! ** 2;
      for (let r = 0; r < S; r++) {
        const off = (rate / batchSize / size) * (guess[n * S + r]! - target[n * S + r]!);
        const row = r * (S + 1);
        for (let i = 0; i < S; i++) learned[row + i]! -= off * state[n * S + i]!;
        learned[row + S]! -= off;
      }
    }
  }

  reset(): void {
    for (const step of this.kept) step.release();
    this.kept.length = 0;
    this.beginning = null;
  }
}

/** Synthetic gradients (Jaderberg et al. 2016): biased, meant for long streams. The prediction is kept over `reset` and batches. */
export const syntheticGradients = defineEstimator(
  'syntheticGradients',
  {
    summary: 'biased: windows of k steps, and a learned prediction of the gradient from later ones',
    settings: ['k', 'rate'],
    optional: ['rate'],
    examples: ['k=8'],
  },
  ({ k, rate = 0.1 }: SyntheticOptions): GradientEstimator => {
    requireInteger('k', k, 1, 1 << 24);
    requireNumber('rate', rate, 0, 1);
    return {
      name: `syntheticGradients(k=${k}, rate=${rate})`,
      unbiased: false,
      stochastic: false,
      direction: 'backward',
      every: k,
      start: (system) => new SyntheticRun(system, rate),
    };
  },
);
