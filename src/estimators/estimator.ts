/**
 * Gradient estimators. Three choices that are often one are separate here: how often a gradient is emitted (k1, `every` of
 * `unroll`), how far back it reaches (k2, a setting of the estimator), and when an optimizer makes an update (up to the caller).
 */
import {
  isObject,
  requireChoice,
  requireFunction,
  requireInteger,
  requireKeys,
  requireOptions,
  shown,
} from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { type Rng, requireRng } from '../core/rng.js';
import { invalidSetting } from '../errors.js';
import {
  INITIAL_STATE,
  requireFloats,
  requireNumbers,
  requireSize,
  requireStepData,
  requireSteps,
  requireSystem,
  requireSystemStep,
  type StepData,
  type System,
  type SystemStep,
} from './system.js';

/** A way to estimate the gradient through time: `bptt()`, `tbptt({ k1, k2 })`, `rtrl()`, or an object that you write. */
export interface GradientEstimator {
  /** Name with settings, such as `tbptt(k1=1, k2=10)`. */
  readonly name: string;
  /** Whether the expected sum of the emissions over a sequence is the exact gradient, for constant theta. */
  readonly unbiased: boolean;
  /** Whether it uses random numbers, so that two runs differ. */
  readonly stochastic: boolean;
  /** `backward`: keeps steps and goes back over them. `forward`: carries derivatives forward and keeps no step. */
  readonly direction: 'backward' | 'forward';
  /** Default number of steps between two emissions; null emits once, at the end of a sequence. */
  readonly every: number | null;
  /** Whether it takes the sequences of a batch one after the other. Default: true if `direction` is `forward`. */
  readonly oneRow?: boolean;
  /**
   * For an estimator that is the exact gradient: the segments in which `fit` runs a batch of `steps` steps, forward and backward as
   * a whole, so that only one is in memory. Default: step by step.
   */
  readonly segments?: { readonly steps: number; readonly length: number } | null;
  /** Starts a run on a system. `random` belongs to the run. Throws `INVALID_SETTING` for a system that it does not support. */
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

/**
 * Makes the function `name`, which makes an estimator of checked settings, with a description for the registry. `more` are settings
 * that are not numbers. The annotation lets bundlers drop unused estimators.
 *
 * @__NO_SIDE_EFFECTS__
 */
export function defineEstimator<F extends (settings: never) => GradientEstimator>(
  name: string,
  info: Pick<EstimatorInfo, 'summary'> & Partial<EstimatorInfo> & { readonly more?: readonly string[] },
  make: F,
): F & EstimatorInfo {
  const { settings = [], optional = [], examples = [], more = [], summary } = info;
  const checked = (given: unknown): GradientEstimator => {
    if (given !== undefined || settings.length > optional.length) requireKeys(name, given, [...settings, ...more]);
    const estimator = make(given as never);
    const start = (system: System, random: Rng): EstimatorRun => {
      requireSystem(system);
      requireRng('random', random);
      return guarded(estimator.start(system, random), system.parameters.length);
    };
    return { ...estimator, start };
  };
  return Object.assign(checked as unknown as F, { settings, optional, examples, summary });
}

/** A run whose arguments are checked. */
const guarded = (run: EstimatorRun, size: number): EstimatorRun => ({
  step(step, data) {
    requireSystemStep(step);
    requireStepData(data);
    run.step(step, data);
  },
  emit(gradient) {
    requireFloats('gradient', gradient);
    requireSize('gradient', gradient, size);
    run.emit(gradient);
  },
  reset: () => run.reset(),
  get learned() {
    return run.learned;
  },
  get cost() {
    return run.cost;
  },
});

/** An estimator at work on one system. */
export interface EstimatorRun {
  /** Receives a step that has run on `data`. The run may keep the step, and must release it when it no longer needs it. */
  step(step: SystemStep, data: StepData): void;
  /** Adds the gradient of the losses since the last emission to `gradient`, P numbers. */
  emit(gradient: FloatArray): void;
  /** Prepares for a new sequence; nothing is carried over. */
  reset(): void;
  /** Parameters of the estimator itself, if it learns: live numbers that `reset` keeps. */
  readonly learned?: Float64Array | undefined;
  /** Memory and work so far. */
  readonly cost: EstimatorCost;
}

/** Memory and work of a run. */
export interface EstimatorCost {
  /** Numbers that it holds now, in addition to theta and one step. */
  floats: number;
  /** Multiply-adds since its start. */
  macs: number;
}

/** Throws `INVALID_SETTING` for a value that is not an estimator. */
export function requireEstimator(value: unknown): asserts value is GradientEstimator {
  if (!isObject(value)) {
    const help = 'Pass what bptt(), rtrl() or parseEstimator(text) returns.';
    throw invalidSetting('estimator', `must be an estimator, got ${shown(value)}.`, help);
  }
  const { name, start, direction, every } = value as Partial<GradientEstimator>;
  if (typeof name !== 'string') throw invalidSetting('estimator.name', `must be a string, got ${shown(name)}.`);
  requireFunction('estimator.start', start);
  requireChoice('estimator.direction', direction, ['backward', 'forward']);
  if (every !== null) requireInteger('estimator.every', every, 1, Number.MAX_SAFE_INTEGER);
}

/** How many sequences of a batch an estimator takes side by side. */
export const rowsTaken = ({ oneRow, direction }: GradientEstimator, batchSize: number): number =>
  (oneRow ?? direction === 'forward') ? 1 : batchSize;

/** Approximate multiply-adds of J'v with F'v, or of J u with F w: two per parameter and sequence. */
export const productMacs = ({ batchSize, parameters }: System): number => 2 * batchSize * parameters.length;

/** The result of `unroll`. */
export interface UnrollResult {
  /** Sum of the losses. */
  readonly loss: number;
  /** The last state s_T, N*S numbers. */
  readonly state: FloatArray;
}

/** Checks the arguments of `unroll`. */
function unrollOptions(
  system: System,
  run: EstimatorRun,
  sequence: Iterable<StepData>,
  options: Parameters<typeof unroll>[3],
): { readonly every: number | null; readonly gradient: FloatArray } {
  requireOptions('options', options ?? null, ['state', 'every', 'gradient']);
  if (!isObject(run)) throw invalidSetting('run', `must be what estimator.start() returns, got ${shown(run)}.`);
  for (const name of ['step', 'emit'] as const) requireFunction(`run.${name}`, run[name]);
  requireSteps(sequence);
  const { every = null, state, gradient = new Float64Array(system.parameters.length) } = options;
  if (every !== null) requireInteger('every', every, 1, Number.MAX_SAFE_INTEGER);
  if (state !== undefined) requireNumbers('state', state, system.batchSize * system.stateSize);
  requireFloats('gradient', gradient);
  requireSize('gradient', gradient, system.parameters.length);
  return { every, gradient };
}

/**
 * Runs a system over a sequence and emits a gradient every k1 steps.
 *
 * @param options.state the state to start from. Default: the system's first state.
 * @param options.every k1. Default: the whole sequence. A shorter rest at the end is emitted too.
 * @param options.gradient P numbers to write the gradient to. Default: a new array.
 * @param emitted receives the gradient of the losses since the last call, in an array that is reused, and the range of its steps.
 *   It may change theta: steps that the estimator keeps then use the new weights with their old activations.
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
  requireSystem(system);
  const { every, gradient } = unrollOptions(system, run, sequence, options);
  requireFunction('emitted', emitted);
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
