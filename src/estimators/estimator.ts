/**
 * A way to estimate the gradient through time, as a plug-in: `bptt()`, `tbptt({ k1, k2 })`, `rtrl()`, ... or one's own. Three
 * things are set apart that are often one: how often a gradient is emitted (k1: `every` of `unroll`), how far back it reaches (k2:
 * the estimator's own affair), and when an optimizer steps (whoever is handed the gradient).
 */
import type { FloatArray } from '../contract/kernels.js';
import type { Rng } from '../core/rng.js';
import { INITIAL_STATE, type StepData, type System, type SystemStep } from './system.js';

export interface GradientEstimator {
  /** With its settings, as in `tbptt(k1=1, k2=10)`. */
  readonly name: string;
  /** Whether the mean of what is emitted over a sequence is the exact gradient, theta held. */
  readonly unbiased: boolean;
  /** Whether two runs differ: random signs, cuts, perturbations. */
  readonly stochastic: boolean;
  /** `past`: goes back over steps that it kept. `future`: carries what it needs forwards and keeps no step. */
  readonly direction: 'backward' | 'forward';
  /** Steps between two emissions that it is meant for; null for one at the end of a sequence. */
  readonly every: number | null;
  /** Whether it takes the sequences of a batch one after the other. Default: where it faces the future. */
  readonly oneRow?: boolean;
  /**
   * For one system; `random` is its own. Throws `INVALID_SETTING` for a system that the method does not allow.
   */
  start(system: System, random: Rng): EstimatorRun;
}

/** What a list of estimators shows of one, and how `parseEstimator` reads its settings. */
export interface EstimatorInfo {
  /** What it does and whether it is biased, in one line. */
  readonly summary: string;
  /** Names of its settings, all numbers. */
  readonly settings: readonly string[];
  /** Settings that may be left out. */
  readonly optional: readonly string[];
  /** Settings to try first, such as `k1=4,k2=8`; the Studio offers them. */
  readonly examples: readonly string[];
}

/** Describes a function that makes an estimator, for the registry. */
export const defineEstimator = <F extends (settings: never) => GradientEstimator>(
  { settings = [], optional = [], examples = [], ...info }: Pick<EstimatorInfo, 'summary'> & Partial<EstimatorInfo>,
  make: F,
): F & EstimatorInfo => Object.assign(make, { settings, optional, examples, ...info });

export interface EstimatorRun {
  /** A step has run on `data`. The run may keep it, and releases it when it is done with it. */
  step(step: SystemStep, data: StepData): void;
  /** Adds the estimate for the losses since the last emission to `gradient`. */
  emit(gradient: FloatArray): void;
  /** Before a new sequence: nothing is carried on. */
  reset(): void;
  /** What it has learnt itself, where it learns: live, kept over `reset`, to be copied from one run to the next. */
  readonly learned?: Float64Array;
  /** Numbers that it holds at this moment besides theta and one step, and multiply-adds since it was started. */
  readonly cost: EstimatorCost;
}

export interface EstimatorCost {
  floats: number;
  macs: number;
}

/** How many of a batch's sequences an estimator takes side by side. */
export const rowsTaken = ({ oneRow, direction }: GradientEstimator, batchSize: number): number =>
  (oneRow ?? direction === 'forward') ? 1 : batchSize;

/** Multiply-adds of J'v with F'v, or of J u with F w: twice the parameters a row, to first order. */
export const productMacs = ({ batchSize, parameters }: System): number => 2 * batchSize * parameters.length;

export interface UnrollResult {
  /** Sum of the losses. */
  readonly loss: number;
  /** s_T, to go on from. */
  readonly state: FloatArray;
}

/**
 * Runs a system over a sequence, and hands out a gradient every k1 steps.
 *
 * @param options.state where to start; by default the system's first state.
 * @param options.every k1; by default the estimator's own, else the whole sequence. A rest at the end is emitted too.
 * @param options.gradient room for the gradient; by default, made here.
 * @param emitted called with the gradient of the losses since the last call (the array is used again), and the steps it is of. It
 *   may change theta: steps that the estimator kept then go on with the new weights and their old activations.
 */
export function unroll(
  system: System,
  run: EstimatorRun,
  sequence: Iterable<StepData>,
  options: {
    readonly state?: ArrayLike<number>;
    readonly every?: number | null;
    readonly gradient?: FloatArray;
  },
  emitted: (
    gradient: FloatArray,
    window: { readonly from: number; readonly to: number; readonly loss: number },
  ) => void,
): UnrollResult {
  const { every = null, gradient = new Float64Array(system.parameters.length) } = options;
  let state = options.state ?? system.initial();
  let [t, from, loss, since] = [0, 0, 0, 0];
  system.changed();
  const emit = (): void => {
    gradient.fill(0);
    run.emit(gradient);
    emitted(gradient, { from, to: t, loss: since });
    system.changed();
    from = t;
    since = 0;
  };
  const advance = (data: StepData): void => {
    const step = system.step(state, data);
    state = step.state;
    loss += step.loss;
    since += step.loss;
    run.step(step, data);
  };
  if (system.learnsInitialState && !options.state) advance(INITIAL_STATE);
  for (const data of sequence) {
    advance(data);
    t++;
    if (every !== null && t - from >= every) emit();
  }
  if (t > from) emit();
  return { loss, state: Float64Array.from(state) };
}
