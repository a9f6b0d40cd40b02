/**
 * Real-time recurrent learning (Williams & Zipser 1989), and its restriction to what a weight can reach in a few steps.
 *
 *   M_t = ds_t/dtheta = J_t M_{t-1} + F_t,     g += q_t M_t
 *
 * With constant theta this equals BPTT, at a cost of S^2 P per step, whatever the length of the sequence. The state of stacked layers
 * is that of all layers, so M includes the paths through the layers.
 */

import { requireInteger } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { addImmediate, requireOneRow, requireUnits, stateJacobian } from '../algebra/jacobian.js';
import { defineEstimator, type EstimatorCost, type EstimatorRun, type GradientEstimator } from '../estimator.js';
import type { GatedUnits, System, SystemStep } from '../system.js';
import { addScaled } from '../vectors.js';

/** Mask of the elements of M that may differ from 0, (S, P). */
type Mask = Uint8Array;

class RtrlRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly S: number;
  private readonly P: number;
  private readonly steps: number;
  private M: Float64Array;
  private next: Float64Array;
  private readonly sum: Float64Array;
  private mask: Mask | null = null;

  /** @param steps restricts M to what theta can change within this number of steps; Infinity keeps all of M. */
  constructor({ stateSize: S, parameters }: System, steps: number) {
    this.S = S;
    this.P = parameters.length;
    this.steps = steps;
    this.M = new Float64Array(S * this.P);
    this.next = new Float64Array(S * this.P);
    this.sum = new Float64Array(this.P);
    this.cost.floats = 2 * S * this.P;
  }

  step(step: SystemStep): void {
    const { S, P } = this;
    const J = stateJacobian(step, S);
    if (this.steps < Number.POSITIVE_INFINITY) this.mask ??= maskOf(requireUnits('snap', step), J, P, this.steps);
    this.advance(J);
    addImmediate(this.M, step, S);
    const q = step.lossGradient(this.sum);
    for (let r = 0; r < S; r++) {
      if (q[r] === 0) continue;
      addScaled(this.sum, q[r]!, this.M.subarray(r * P, (r + 1) * P));
    }
    step.release();
  }

  /** M <- J M, masked. */
  private advance(J: Float64Array): void {
    const { S, P, M, next, mask, cost } = this;
    next.fill(0);
    for (let r = 0; r < S; r++) {
      const out = next.subarray(r * P, (r + 1) * P);
      for (let i = 0; i < S; i++) {
        const weight = J[r * S + i]!;
        if (weight === 0) continue;
        addScaled(out, weight, M.subarray(i * P, (i + 1) * P));
        cost.macs += P;
      }
    }
    if (mask) for (let at = 0; at < next.length; at++) if (!mask[at]) next[at] = 0;
    [this.M, this.next] = [next, M];
  }

  emit(gradient: FloatArray): void {
    addScaled(gradient, 1, this.sum);
    this.sum.fill(0);
  }

  reset(): void {
    this.M.fill(0);
    this.sum.fill(0);
  }
}

/**
 * The elements of F, and those that J leads to in `steps` - 1 more steps. Uses the structure of F and not its values, because at a
 * first step h- is 0 and recurrent weights have no effect.
 */
function maskOf({ size: n, gates, parts, inputs, index }: GatedUnits, J: Float64Array, P: number, steps: number): Mask {
  const S = parts * n;
  const touched = new Uint8Array(S * P);
  for (let g = 0; g < gates; g++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < inputs.length; k++) {
        for (let r = 0; r < parts; r++) touched[(r * n + j) * P + index(g, j, k)] = 1;
      }
    }
  }
  let mask = touched;
  for (let step = 1; step < steps; step++) {
    const wider = Uint8Array.from(touched);
    for (let r = 0; r < S; r++) {
      for (let i = 0; i < S; i++) {
        if (J[r * S + i] === 0) continue;
        for (let p = 0; p < P; p++) if (mask[i * P + p]) wider[r * P + p] = 1;
      }
    }
    mask = wider;
  }
  return mask;
}

/** Real-time recurrent learning (Williams & Zipser 1989): exact, for a system of one sequence. */
export const rtrl = defineEstimator(
  'rtrl',
  { summary: 'exact: carries ds/dtheta forward, at S^2 P operations per step', examples: [''] },
  (): GradientEstimator => ({
    name: 'rtrl',
    unbiased: true,
    stochastic: false,
    direction: 'forward',
    every: null,
    start(system) {
      requireOneRow('rtrl', system);
      return new RtrlRun(system, Number.POSITIVE_INFINITY);
    },
  }),
);

/**
 * SnAp-n (Menick et al. 2020): RTRL with M restricted to what a weight can change within n steps. n = 1 keeps only the weights of
 * each unit (local.ts does that with 2 P numbers); for dense recurrent weights n = 2 is all of RTRL.
 */
export function maskedRtrl(n: number): GradientEstimator {
  requireInteger('n', n, 1, 1 << 16);
  return {
    name: `snap(n=${n})`,
    unbiased: false,
    stochastic: false,
    direction: 'forward',
    every: null,
    start(system) {
      requireOneRow('snap', system);
      return new RtrlRun(system, n);
    },
  };
}
