/**
 * Backpropagation over kept steps, and its truncations. From the last step down to the first kept one,
 *
 *   delta <- q_t + k_t J_{t+1}' delta,     g += F_t' delta
 *
 * q_t counts once, at the first emission after step t. The factor k_t is 1 for BPTT and TBPTT, random for ARTBP, and acts on h alone
 * for h-detach.
 */

import { requireInteger, requireNumber } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import type { Rng } from '../../core/rng.js';
import {
  defineEstimator,
  type EstimatorCost,
  type EstimatorRun,
  type GradientEstimator,
  productMacs,
} from '../estimator.js';
import type { System, SystemStep } from '../system.js';
import { addScaled } from '../vectors.js';

/** What happens to the cotangent between a step and the next one: null passes it, `closed` drops it, a function changes it. */
type Gate = null | 'closed' | ((delta: FloatArray) => void);

interface Kept {
  readonly step: SystemStep;
  /** Whether its loss has been propagated. */
  counted: boolean;
  readonly gate: Gate;
}

/** Calls `gate` once for each step, when it has run. */
class BackwardRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly system: System;
  private readonly horizon: number;
  private readonly gate: () => Gate;
  private readonly kept: Kept[] = [];

  constructor(system: System, horizon: number, gate: () => Gate = () => null) {
    this.system = system;
    this.horizon = horizon;
    this.gate = gate;
  }

  step(step: SystemStep): void {
    this.kept.push({ step, counted: false, gate: this.gate() });
    if (this.kept.length > this.horizon) this.kept.shift()!.step.release();
    this.cost.floats = this.kept.length * 3 * this.system.batchSize * this.system.stateSize; // i f g o c h: 6n, the state being 2n
  }

  emit(gradient: FloatArray): void {
    const { kept, cost, system } = this;
    let delta: FloatArray | null = null;
    for (let i = kept.length - 1; i >= 0; i--) {
      const { step, counted, gate } = kept[i]!;
      if (gate === 'closed') delta = null;
      else if (delta) gate?.(delta);
      if (!counted) {
        const q = step.lossGradient(gradient);
        if (delta) addScaled(delta, 1, q);
        else delta = q;
        kept[i]!.counted = true;
      }
      if (!delta) continue;
      delta = step.vjp(delta, gradient);
      cost.macs += productMacs(system);
    }
    // No cotangent passes a closed gate, so older steps are not needed.
    const closed = kept.findLastIndex(({ gate }) => gate === 'closed');
    for (const { step } of kept.splice(0, closed + 1)) step.release();
  }

  reset(): void {
    for (const { step } of this.kept) step.release();
    this.kept.length = 0;
  }
}

const exact = { unbiased: true, stochastic: false, direction: 'backward' } as const;

/** Backpropagation through the whole sequence (Werbos 1990): the exact gradient. */
export const bptt = defineEstimator(
  'bptt',
  { summary: 'exact: backpropagation through the whole sequence', examples: [''] },
  (): GradientEstimator => ({
    ...exact,
    name: 'bptt',
    every: null,
    start: (system) => new BackwardRun(system, Number.POSITIVE_INFINITY),
  }),
);

/**
 * Truncated BPTT(k1, k2) (Williams & Peng 1990): every k1 steps, the losses of these k1 steps go back over the last k2 steps. Biased.
 *   block      k1 = k2: the sequence in pieces, as in most libraries
 *   sliding    k1 = 1: each loss goes back over exactly k2 steps
 *   buffered   k1 = K, k2 = 2K - 1: each loss goes back over at least K steps (Aicher et al. 2019)
 */
export const tbptt = defineEstimator(
  'tbptt',
  {
    summary: 'biased: every k1 steps, backpropagation through the last k2 steps',
    settings: ['k1', 'k2'],
    examples: ['k1=4,k2=8', 'k1=1,k2=1'],
  },
  ({ k1, k2 }: { readonly k1: number; readonly k2: number }): GradientEstimator => {
    requireInteger('k1', k1, 1, 1 << 24);
    requireInteger('k2', k2, k1, 1 << 24);
    return {
      ...exact,
      unbiased: false,
      name: `tbptt(k1=${k1}, k2=${k2})`,
      every: k1,
      start: (system) => new BackwardRun(system, k2),
    };
  },
);

/**
 * Anticipated reweighted truncated backpropagation (Tallec & Ollivier 2017): cuts the backward pass at each step with probability
 * `cut` and scales it by 1 / (1 - cut) otherwise, so that the mean is the exact gradient. The variance has a heavy tail.
 */
export const artbp = defineEstimator(
  'artbp',
  { summary: 'unbiased: truncates at random and scales up the rest', settings: ['cut'] },
  ({ cut }: { readonly cut: number }): GradientEstimator => {
    requireNumber('cut', cut, 0, 0.999);
    const through = (delta: FloatArray): void => {
      for (let i = 0; i < delta.length; i++) delta[i]! /= 1 - cut;
    };
    return {
      unbiased: true,
      stochastic: true,
      direction: 'backward',
      name: `artbp(cut=${cut})`,
      every: null,
      start: (system, random) =>
        new BackwardRun(system, Number.POSITIVE_INFINITY, () => (random.uniform() < cut ? 'closed' : through)),
    };
  },
);

/**
 * h-detach (Kanuparthi et al. 2018): with probability `rate` at each step, drops the gradient through h and keeps only the one
 * through c, which reaches further. Biased.
 */
export const hDetach = defineEstimator(
  'hDetach',
  { summary: 'biased: drops the gradient through h at random steps', settings: ['rate'], examples: ['rate=0.5'] },
  ({ rate }: { readonly rate: number }): GradientEstimator => {
    requireNumber('rate', rate, 0, 1);
    return {
      unbiased: rate === 0,
      stochastic: rate > 0 && rate < 1,
      direction: 'backward',
      name: `hDetach(rate=${rate})`,
      every: null,
      start: (system, random: Rng) =>
        new BackwardRun(system, Number.POSITIVE_INFINITY, () =>
          random.uniform() < rate ? (delta) => closeH(system, delta) : null,
        ),
    };
  },
);

function closeH({ batchSize, stateSize, parts }: System, delta: FloatArray): void {
  for (let n = 0; n < batchSize; n++) {
    for (const { kind, from, to } of parts) {
      if (kind === 'h') delta.fill(0, n * stateSize + from, n * stateSize + to);
    }
  }
}
