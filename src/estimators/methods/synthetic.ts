/**
 * Decoupled neural interfaces (Jaderberg et al. 2016, arXiv:1608.05343): a window of k steps ends in a guess of what all later losses
 * would send back to its last state, and learns that guess from what the next window then does send back. Here the guess is linear in
 * the state,
 *
 *   delta^(s) = A s + b,    A, b = 0 at first: TBPTT, until something is learnt
 *   |delta^(s_0) - delta_0|^2 / 2 falls by   A -= r (delta^ - delta_0) s' / (1 + |s|^2),   b likewise
 *
 * with s_0 the state a window starts from, and delta_0 what came back to it (the guess at its own end included, as in
 * temporal-difference learning). The division makes r a share: 1 would meet the target at once.
 */
import type { FloatArray } from '../../contract/kernels.js';
import { requireInteger, requireNumber } from '../../errors.js';
import { backThrough } from '../algebra/back-through.js';
import {
  defineEstimator,
  type EstimatorCost,
  type EstimatorRun,
  type GradientEstimator,
  productMacs,
} from '../estimator.js';
import { INITIAL_STATE, type StepData, type System, type SystemStep } from '../system.js';

export interface SyntheticOptions {
  /** Steps of a window. */
  readonly k: number;
  /** r above, over 0 to 1. Default 0.1. */
  readonly rate?: number;
}

class SyntheticRun implements EstimatorRun {
  readonly cost: EstimatorCost;
  /** Rows of [A | b], S of S + 1 numbers. */
  readonly learned: Float64Array;
  private readonly system: System;
  private readonly rate: number;
  private readonly kept: SystemStep[] = [];
  /** The step that made the first state, where it is learnt: it starts from no state that a guess could be made of. */
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

  /** A step towards what came back, each row's share of it. */
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

/** Biased; meant for long streams. What it has learnt outlives `reset`, and the batches of a `fit`. */
export const syntheticGradients = defineEstimator(
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
