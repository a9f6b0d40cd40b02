/**
 * DEER (Lim et al. 2023, arXiv:2309.12252): computes a whole trajectory by Newton's method instead of step by step. Each iteration
 * linearizes every step at a guess s^k of all states, and solves the resulting linear recursion:
 *
 *   s_t <- f(s^k_{t-1}, x_t) + A_t (s_{t-1} - s^k_{t-1}),     A_t = J_t at s^k_{t-1}
 *
 * The recursion is a scan of affine maps, which parallel hardware does in log T rounds. This implementation is sequential and serves
 * to count iterations. Quasi-DEER (Danieli et al. 2025) uses only the block of each unit for A_t, which makes a map n times cheaper
 * but needs more iterations.
 */

import { requireChoice, requireInteger, requireNumber, requireOptions, shown } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { invalidData, invalidSetting } from '../../errors.js';
import { backThrough } from '../algebra/back-through.js';
import { requireOneRow, requireUnits, stateJacobian } from '../algebra/jacobian.js';
import {
  defineEstimator,
  type EstimatorCost,
  type EstimatorRun,
  type GradientEstimator,
  productMacs,
} from '../estimator.js';
import {
  INITIAL_STATE,
  requireNumbers,
  requireSystem,
  type StepData,
  type System,
  type SystemStep,
} from '../system.js';

/** Options of `solveTrajectory`, `deer` and `quasiDeer`. */
export interface DeerOptions {
  /** `deer` uses all of J, `quasiDeer` the block of each unit (needs closed forms). Default `deer`. */
  readonly method?: 'deer' | 'quasiDeer';
  /** Converged when no state changes by more than this. Default 1e-10. */
  readonly tolerance?: number;
  /** Maximum number of iterations. Default 1000. */
  readonly maxIterations?: number;
}

/** The result of `solveTrajectory`. */
export interface Trajectory {
  /** The states s_1 ... s_T, S numbers each. */
  readonly states: readonly Float64Array[];
  readonly iterations: number;
  /** Largest change of any state in each iteration. */
  readonly changes: readonly number[];
}

/**
 * Finds the states of a sequence by Newton's method, from a guess of zeros (DEER, Lim et al. 2023). Throws `INVALID_DATA` if it does
 * not converge.
 *
 * @param given the first state s_0. Default: the system's.
 */
export function solveTrajectory(
  system: System,
  sequence: readonly StepData[],
  options: DeerOptions = {},
  given?: ArrayLike<number>,
): Trajectory {
  requireSystem(system);
  const { method, tolerance, maxIterations } = checked(options);
  requireOneRow(method, system);
  if (!Array.isArray(sequence)) throw invalidSetting('sequence', `must be a list of steps, got ${shown(sequence)}.`);
  const S = system.stateSize;
  const first = given ?? system.initial();
  requireNumbers('first', first, S);
  const linear = method === 'deer' ? (step: SystemStep) => stateJacobian(step, S) : ownBlocks;
  system.changed();
  let states: Float64Array[] = sequence.map(() => new Float64Array(S));
  const changes: number[] = [];
  while (changes.length < maxIterations) {
    const next = iterate(system, sequence, Float64Array.from(first), states, linear);
    changes.push(largestChange(states, next));
    states = next;
    if (changes.at(-1)! <= tolerance) return { states, iterations: changes.length, changes };
  }
  throw invalidData(
    method,
    `has not converged after ${maxIterations} iterations: the last changed a state by ${changes.at(-1)}.`,
    'Raise maxIterations or the tolerance, or use bptt().',
  );
}

function checked(options: DeerOptions): Required<DeerOptions> {
  requireOptions('options', options ?? null, ['method', 'tolerance', 'maxIterations']);
  const { method = 'deer', tolerance = 1e-10, maxIterations = 1000 } = options;
  requireChoice('method', method, ['deer', 'quasiDeer']);
  requireNumber('tolerance', tolerance, Number.MIN_VALUE, 1);
  requireInteger('maxIterations', maxIterations, 1, 1 << 24);
  return { method, tolerance, maxIterations };
}

/**
 * The gradient over such a trajectory. Once the states have converged, the backward pass is linear in delta, so it equals BPTT to
 * within the tolerance.
 */
class TrajectoryRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly system: System;
  private readonly options: Required<DeerOptions>;
  private readonly data: StepData[] = [];
  /** The step that made a learned initial state. */
  private beginning: SystemStep | null = null;
  /** The state before the first of these steps. */
  private first: ArrayLike<number> = [];

  constructor(system: System, options: Required<DeerOptions>) {
    this.system = system;
    this.options = options;
  }

  step(step: SystemStep, data: StepData): void {
    if (data === INITIAL_STATE) {
      this.beginning = step;
      return;
    }
    if (this.data.length === 0) this.first = step.before;
    this.data.push(data);
    step.release();
  }

  emit(gradient: FloatArray): void {
    const { system, data, first, options } = this;
    const { states, iterations } = solveTrajectory(system, data, options, first);
    function* lastFirst(): Generator<SystemStep> {
      for (let t = data.length - 1; t >= 0; t--) {
        const step = system.step(t > 0 ? states[t - 1]! : first, data[t]!);
        yield step;
        step.release(); // only one step is kept
      }
    }
    const delta = backThrough(lastFirst(), gradient, null);
    if (delta) this.beginning?.vjp(delta, gradient);
    this.count(data.length, iterations);
    this.reset();
  }

  /** Counts the matrices of the steps and their products in a scan: S^3 each, or the blocks of the units. */
  private count(steps: number, iterations: number): void {
    const { system, options, cost } = this;
    const S = system.stateSize;
    const part = options.method === 'deer' ? S : system.parts.filter(({ kind }) => kind === 'c').length + 1;
    cost.floats = steps * (2 * S + S * part);
    cost.macs += steps * (iterations * (system.parameters.length + S * part * part) + productMacs(system));
  }

  reset(): void {
    this.data.length = 0;
    this.beginning = null;
  }
}

const estimator = (options: DeerOptions): GradientEstimator => {
  const complete = checked(options);
  return {
    name: `${complete.method}(tolerance=${complete.tolerance})`,
    unbiased: true,
    stochastic: false,
    direction: 'backward',
    oneRow: true,
    every: null,
    start(system) {
      requireOneRow(complete.method, system);
      return new TrajectoryRun(system, complete);
    },
  };
};

/** BPTT over a trajectory found by Newton's method (Lim et al. 2023): exact to within the tolerance. */
export const deer = defineEstimator(
  'deer',
  {
    summary: "exact at convergence: BPTT over a trajectory found by Newton's method",
    settings: ['tolerance'],
    optional: ['tolerance'],
    more: ['maxIterations'],
  },
  (options: Omit<DeerOptions, 'method'> = {}): GradientEstimator => estimator({ ...options, method: 'deer' }),
);

/** BPTT over a trajectory found by quasi-Newton iterations (Danieli et al. 2025). Needs closed-form derivatives. */
export const quasiDeer = defineEstimator(
  'quasiDeer',
  {
    summary: 'exact at convergence: BPTT over a trajectory found by a quasi-Newton method',
    settings: ['tolerance'],
    optional: ['tolerance'],
    more: ['maxIterations'],
  },
  (options: Omit<DeerOptions, 'method'> = {}): GradientEstimator => estimator({ ...options, method: 'quasiDeer' }),
);

function iterate(
  system: System,
  sequence: readonly StepData[],
  first: Float64Array,
  guess: readonly Float64Array[],
  linear: (step: SystemStep) => Float64Array,
): Float64Array[] {
  const S = system.stateSize;
  let before = first;
  return sequence.map((data, t) => {
    const guessed = t > 0 ? guess[t - 1]! : first;
    const step = system.step(guessed, data);
    const A = linear(step);
    const out = Float64Array.from(step.state);
    step.release();
    for (let r = 0; r < S; r++) {
      for (let i = 0; i < S; i++) out[r]! += A[r * S + i]! * (before[i]! - guessed[i]!);
    }
    before = out;
    return out;
  });
}

/** The Jacobian block of each unit: the kept diagonals, and for part 0 the unit's weight to itself. */
function ownBlocks(step: SystemStep): Float64Array {
  const { size: n, gates, parts, byGate, kept, recurrent } = requireUnits('quasiDeer', step);
  const S = parts * n;
  const A = new Float64Array(S * S);
  for (let j = 0; j < n; j++) {
    for (let r = 0; r < parts; r++) {
      for (let q = 0; q < parts; q++) A[(r * n + j) * S + q * n + j] = kept[r]![q]![j]!;
      for (let g = 0; g < gates; g++) {
        A[(r * n + j) * S + j]! += byGate[r]![g]![j]! * recurrent[(g * n + j) * n + j]!;
      }
    }
  }
  return A;
}

function largestChange(before: readonly Float64Array[], after: readonly Float64Array[]): number {
  let most = 0;
  for (const [t, state] of after.entries()) {
    for (const [i, value] of state.entries()) {
      const change = Math.abs(value - before[t]![i]!);
      if (!(change <= most)) most = change; // a NaN stays
    }
  }
  return most;
}
