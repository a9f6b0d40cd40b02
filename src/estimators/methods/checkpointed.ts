/**
 * BPTT in bounded memory: a storage plan says which states and tape entries are kept, and the others are recomputed (Chen et al.
 * 2016; Gruslys et al. 2016; Griewank & Walther 2000). Recomputed steps run the same kernels from the same state, so the gradient is
 * bit-identical to that of `bptt`. In `fit`, plans of equal segments run whole segments instead (segments.ts), which is several times
 * faster and equal up to rounding.
 */

import { requireChoice, requireInteger, requireKeys, requireNumber } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import {
  defineEstimator,
  type EstimatorCost,
  type EstimatorRun,
  type GradientEstimator,
  productMacs,
} from '../estimator.js';
import { segmentFor } from '../segments.js';
import { canPlan, optimalPlan } from '../storage/optimal.js';
import { everySegment, planCost, type StoragePlan, squareRoot } from '../storage/plan.js';
import { INITIAL_STATE, type StepData, type System, type SystemStep } from '../system.js';
import { addScaled } from '../vectors.js';

/** Options of `checkpointed`: the number of steps, and one way to choose the storage plan. */
export type CheckpointOptions = {
  /** Steps of the sequence. */
  readonly steps: number;
} & (
  | {
      /** Share of the full tape that may be kept, above 0 to 1, for a sequence of any length. */
      readonly memory: number;
    }
  | {
      /** Keeps a state every `segment` steps. */
      readonly segment: number;
    }
  | {
      /** Segments of the length that needs the least memory. */
      readonly policy: 'sqrt';
    }
  | {
      readonly policy: 'optimal' | 'revolve';
      /** Memory, in states. */
      readonly slots: number;
    }
  | {
      /** A plan that you made. */
      readonly plan: StoragePlan;
    }
);

const ENTRY = 3; // a tape entry in states: 6n numbers to 2n

const WAYS = ['plan', 'segment', 'memory', 'policy'] as const;

/** How a sequence is stored: a plan for single steps, and segments for whole passes, if the plan has them. */
interface Storage {
  readonly name: string;
  /** Length of the segments; null if they are not equal. */
  readonly segment: number | null;
  /** Makes the plan, which takes time if it is an optimal one. */
  plan(): StoragePlan;
}

const stored = (plan: StoragePlan, segment: number | null = null): Storage => ({
  name: plan.name,
  segment,
  plan: () => plan,
});

function storageOf(options: CheckpointOptions): Storage {
  const { steps, plan, segment, memory, policy, slots } = options as unknown as { readonly steps: number } & Partial<
    Record<(typeof WAYS)[number] | 'slots', never>
  >;
  requireInteger('steps', steps, 1, 1 << 24);
  const given = WAYS.filter((way) => way in options);
  if (given.length !== 1) {
    throw invalidSetting('checkpointed', `needs one of ${WAYS.join(', ')}, got ${given.join(' and ') || 'none'}.`);
  }
  const takesSlots = policy === 'optimal' || policy === 'revolve';
  requireKeys('checkpointed', options, ['steps', ...given, ...(takesSlots ? ['slots'] : [])]);
  if (plan !== undefined) return stored(checkedPlan(plan, steps));
  if (segment !== undefined) return stored(everySegment(steps, segment), segment);
  if (memory !== undefined) return storageWithin(steps, memory);
  requireChoice('policy', policy, ['sqrt', 'optimal', 'revolve']);
  if (!takesSlots) return stored(everySegment(steps), squareRoot(steps));
  requireInteger('slots', slots, policy === 'revolve' ? 1 : 0, 1 << 24);
  // Revolve counts the first state among its slots.
  return stored(policy === 'revolve' ? optimalPlan(steps, slots - 1, { entries: false }) : optimalPlan(steps, slots));
}

/** Storage in a share of the tape: segments, and for single steps the optimal plan or, for long sequences, the same segments. */
function storageWithin(steps: number, memory: number): Storage {
  requireNumber('memory', memory, 0, 1);
  const budget = Math.max(0, Math.round(memory * ENTRY * steps));
  const segment = segmentFor(steps, memory);
  let plan: StoragePlan | null = null;
  const make = (): StoragePlan =>
    segment === null || canPlan(steps, budget) ? optimalPlan(steps, budget) : everySegment(steps, segment);
  if (segment === null) plan = make(); // throws now if it cannot be made
  return { name: `${memory} of the tape`, segment, plan: () => (plan ??= make()) };
}

/** A copy of a plan that the caller made, which is consistent. */
function checkedPlan(plan: StoragePlan, steps: number): StoragePlan {
  planCost(plan);
  if (plan.steps !== steps) throw invalidSetting('plan.steps', `must be steps, ${steps}, got ${plan.steps}.`);
  return { name: String(plan.name), steps, orders: plan.orders.map((order) => ({ ...order })) };
}

class CheckpointedRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly system: System;
  private readonly plan: StoragePlan;
  private readonly data: StepData[] = [];
  private readonly states = new Map<number, ArrayLike<number>>();
  private readonly entries = new Map<number, SystemStep>();
  /** The state before step 0, and the current one. */
  private first: ArrayLike<number> = [];
  private state: ArrayLike<number> = [];
  private order = 0;
  /** The step that made a learned initial state; it is not part of the plan. */
  private beginning: SystemStep | null = null;

  constructor(system: System, plan: StoragePlan) {
    this.system = system;
    this.plan = plan;
  }

  /** Follows the plan during the first forward pass, up to the order that runs this step. */
  step(step: SystemStep, data: StepData): void {
    if (data === INITIAL_STATE) {
      this.beginning = step;
      return;
    }
    const t = this.data.push(data) - 1;
    const { orders } = this.plan;
    if (t === 0) this.first = step.before;
    this.state = step.before;
    if (t >= this.plan.steps)
      throw invalidSetting('steps', `must be the length of the sequence, which is more than ${this.plan.steps}.`);
    for (; orders[this.order]?.kind === 'Save'; this.order++) this.states.set(t, this.state);
    if (orders[this.order++]!.kind === 'Tape') this.entries.set(t, step);
    this.state = step.state;
    if (!this.entries.has(t)) step.release();
    this.count();
  }

  emit(gradient: FloatArray): void {
    const { orders, steps } = this.plan;
    if (this.data.length < steps) {
      throw invalidSetting('steps', `must be the length of the sequence, which is ${this.data.length}, got ${steps}.`);
    }
    let delta: FloatArray | null = null;
    for (; this.order < orders.length; this.order++) {
      const { kind, t, ...rest } = orders[this.order]!;
      if (kind === 'Save') this.states.set(t, this.state);
      else if (kind === 'Restore') this.restore(t);
      else if (kind === 'Advance' || kind === 'Tape') this.again(t, kind === 'Tape');
      else if (kind === 'Backward') delta = this.back(this.entries.get(t)!, delta, gradient);
      else if ('what' in rest && rest.what === 'state') this.states.delete(t);
      else this.drop(t);
      this.count();
    }
    if (delta) this.beginning?.vjp(delta, gradient);
  }

  /** The state before step 0 is always kept. */
  private restore(t: number): void {
    this.state = t === 0 ? this.first : (this.states.get(t) ?? this.entries.get(t - 1)!.state);
  }

  private again(t: number, keep: boolean): void {
    const step = this.system.step(this.state, this.data[t]!);
    this.state = step.state;
    this.cost.macs += productMacs(this.system) / 2;
    if (keep) this.entries.set(t, step);
    else step.release();
  }

  private back(step: SystemStep, delta: FloatArray | null, gradient: FloatArray): FloatArray {
    const q = step.lossGradient(gradient);
    if (delta) addScaled(delta, 1, q);
    this.cost.macs += productMacs(this.system);
    return step.vjp(delta ?? q, gradient);
  }

  private drop(t: number): void {
    this.entries.get(t)?.release();
    this.entries.delete(t);
  }

  /** Records the peak memory. */
  private count(): void {
    const state = this.system.batchSize * this.system.stateSize;
    this.cost.floats = Math.max(this.cost.floats, state * (this.states.size + ENTRY * this.entries.size));
  }

  reset(): void {
    for (const t of [...this.entries.keys()]) this.drop(t);
    this.states.clear();
    this.data.length = 0;
    this.beginning = null;
    this.order = 0;
  }
}

/** BPTT in bounded memory (Chen et al. 2016; Gruslys et al. 2016): exact, with one gradient at the end of `steps` steps. */
export const checkpointed = defineEstimator(
  'checkpointed',
  {
    summary: 'exact: BPTT in a share `memory` of the tape, for sequences of `steps` steps',
    settings: ['steps', 'memory'],
    more: ['segment', 'policy', 'slots', 'plan'],
  },
  (options: CheckpointOptions): GradientEstimator => {
    const storage = storageOf(options);
    const { segment } = storage;
    return {
      name: `checkpointed(${storage.name})`,
      segments: segment === null ? null : { steps: options.steps, length: segment },
      unbiased: true,
      stochastic: false,
      direction: 'backward',
      every: null,
      start: (system) => new CheckpointedRun(system, storage.plan()),
    };
  },
);
