/**
 * Compares estimators with the exact gradient for constant theta: bias, variance and cost. For each block of theta and for all of it,
 * with the exact gradient g and draws g_1 ... g_N of an estimator:
 *
 *   cosine     of the mean of the draws and g
 *   normRatio  |mean| / |g|
 *   bias       |mean - g| / |g|, with an interval of |E[g_i] - g| / |g|, which has no noise of the mean
 *   variance   tr Cov(g_i) / |g|^2, of one draw
 *   z          bias / sqrt(variance / N): about 1 if the bias is chance, larger if it is real
 */

import { requireInteger, requireNumber, requireOptions, shown } from '../checks.js';
import { createRng, type Rng } from '../core/rng.js';
import { invalidData, invalidSetting } from '../errors.js';
import { type GradientEstimator, requireEstimator, unroll } from '../estimators/estimator.js';
import { bptt } from '../estimators/methods/backwards.js';
import {
  type ParameterBlock,
  requireNumbers,
  requireSystem,
  type StepData,
  type System,
} from '../estimators/system.js';
import { addScaled, dot, norm } from '../estimators/vectors.js';
import { biasInterval, type DrawGroup } from './bias-interval.js';
import { requireSequence } from './checks.js';

/** Options of `compare`. */
export interface CompareOptions {
  /** Draws of each stochastic estimator. Default 256. */
  readonly draws?: number;
  /** Seed of the estimators' random numbers. Default 1. */
  readonly seed?: number;
  /** The state to start from. Default: the system's first state. */
  readonly state?: ArrayLike<number>;
  /** k1 for all estimators. Default: the `every` of each. */
  readonly every?: number;
  /** Confidence level of the interval of the bias. Default 0.95. */
  readonly confidence?: number;
}

/** An estimator compared with the exact gradient, for one block of theta or for all of it. */
export interface BlockComparison {
  readonly block: string;
  readonly cosine: number;
  readonly normRatio: number;
  /** |mean - g| / |g|: the bias, and the noise of the mean. */
  readonly bias: number;
  /**
   * What the draws say about |E[g_i] - g| / |g|: it starts at 0 if the bias may be chance. Both ends are `bias` for one draw, and
   * nothing is known with two: [0, Infinity].
   */
  readonly biasInterval: readonly [low: number, high: number];
  readonly variance: number;
  /** Infinity for a bias without variance; NaN if both are 0. */
  readonly z: number;
}

/** The comparison of one estimator with the exact gradient. */
export interface Comparison {
  readonly name: string;
  readonly unbiased: boolean;
  readonly stochastic: boolean;
  readonly draws: number;
  /** For all of theta. */
  readonly total: BlockComparison;
  readonly blocks: readonly BlockComparison[];
  /** Numbers held at the end of the sequence. */
  readonly floats: number;
  /** Multiply-adds of one draw. */
  readonly macs: number;
  /** Median time of one draw in milliseconds, including the system's steps. */
  readonly ms: number;
  /** |mean of the first n draws - g| / |g| for n = 1, 2, 4, ...; without bias it falls as 1 / sqrt(n). */
  readonly errorOfMean: readonly { readonly draws: number; readonly error: number }[];
}

/** The result of `compare`. */
export interface CompareReport {
  /** |g| of the exact gradient. */
  readonly exactNorm: number;
  readonly loss: number;
  readonly comparisons: readonly Comparison[];
  /** Reasons to doubt the comparison: estimators that do not differ, blocks without a gradient. */
  readonly warnings: readonly string[];
}

const GROUPS = 32; // groups of draws, for the interval of the bias

/**
 * Compares estimators with the exact gradient over one sequence. Throws `INVALID_DATA` if the exact gradient is 0 or not finite,
 * because the comparison would then mean nothing.
 */
export function compare(
  estimators: readonly GradientEstimator[],
  system: System,
  sequence: readonly StepData[],
  options: CompareOptions = {},
): CompareReport {
  const settings = checked(estimators, system, sequence, options);
  const { seed } = settings;
  const exact = new Float64Array(system.parameters.length);
  const { loss } = total(bptt(), system, sequence, createRng(seed, 'exact'), settings, exact);
  const exactNorm = norm(exact);
  if (!(exactNorm > 0) || !Number.isFinite(exactNorm)) {
    throw invalidData(
      'the exact gradient',
      exactNorm === 0 ? 'is 0: the model is dead on this sequence.' : 'is not finite.',
      'Take other parameters, another sequence, or one with a loss.',
    );
  }
  const comparisons = estimators.map((estimator) => examine(estimator, system, sequence, exact, settings));
  return { exactNorm, loss, comparisons, warnings: warnings(comparisons, system, exact) };
}

/** Checks the arguments of `compare`. Returns the options with their defaults. */
function checked(
  estimators: readonly GradientEstimator[],
  system: System,
  sequence: readonly StepData[],
  options: CompareOptions,
): CompareOptions & { readonly draws: number; readonly seed: number; readonly confidence: number } {
  requireOptions('options', options ?? null, ['draws', 'seed', 'state', 'every', 'confidence']);
  const { draws = 256, seed = 1, confidence = 0.95, state, every } = options;
  requireInteger('draws', draws, 1, 1 << 24);
  requireInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('confidence', confidence, 0, 1);
  if (every !== undefined) requireInteger('every', every, 1, 1 << 24);
  requireSystem(system);
  if (state !== undefined) requireNumbers('state', state, system.batchSize * system.stateSize);
  if (!Array.isArray(estimators)) throw invalidSetting('estimators', `must be a list, got ${shown(estimators)}.`);
  for (const estimator of Array.from<unknown>(estimators)) requireEstimator(estimator);
  requireSequence(sequence);
  return { ...options, draws, seed, confidence };
}

/** Adds all emissions over the sequence to `sum`. */
function total(
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  random: Rng,
  { state, every }: CompareOptions,
  sum: Float64Array,
) {
  const run = estimator.start(system, random);
  const { loss } = unroll(
    system,
    run,
    sequence,
    { ...(state ? { state } : {}), every: every ?? estimator.every },
    (gradient) => addScaled(sum, 1, gradient),
  );
  const { floats, macs } = run.cost;
  run.reset();
  return { loss, floats, macs };
}

function examine(
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  exact: Float64Array,
  options: ReturnType<typeof checked>,
): Comparison {
  const draws = estimator.stochastic ? options.draws : 1;
  const random = createRng(options.seed, estimator.name);
  const P = exact.length;
  const [mean, squares, one] = [new Float64Array(P), new Float64Array(P), new Float64Array(P)];
  const groups = Array.from({ length: Math.min(GROUPS, draws) }, () => ({ sum: new Float64Array(P), count: 0 }));
  const times: number[] = [];
  const errorOfMean: { draws: number; error: number }[] = [];
  let cost = { floats: 0, macs: 0 };
  for (let n = 1; n <= draws; n++) {
    one.fill(0);
    const start = performance.now();
    cost = total(estimator, system, sequence, random, options, one);
    times.push(performance.now() - start);
    const group = groups[(n - 1) % groups.length]!;
    addScaled(group.sum, 1, one);
    group.count++;
    for (let p = 0; p < P; p++) {
      // Welford: squares holds the sum of squared distances from the running mean.
      const off = one[p]! - mean[p]!;
      mean[p]! += off / n;
      squares[p]! += off * (one[p]! - mean[p]!);
    }
    if ((n & (n - 1)) === 0) errorOfMean.push({ draws: n, error: distance(mean, exact) / norm(exact) });
  }
  const look = (block: ParameterBlock): BlockComparison =>
    judge(block, { mean, squares, exact, groups, draws, confidence: options.confidence });
  return {
    name: estimator.name,
    unbiased: estimator.unbiased,
    stochastic: estimator.stochastic,
    draws,
    total: look({ name: 'all', ranges: [[0, P]] }),
    blocks: system.blocks.map(look),
    floats: cost.floats,
    macs: cost.macs,
    ms: times.sort((a, b) => a - b)[times.length >> 1]!,
    errorOfMean,
  };
}

interface Draws {
  readonly mean: Float64Array;
  readonly squares: Float64Array;
  readonly exact: Float64Array;
  readonly groups: readonly DrawGroup[];
  readonly draws: number;
  readonly confidence: number;
}

function judge({ name, ranges }: ParameterBlock, d: Draws): BlockComparison {
  const cut = (values: Float64Array): Float64Array =>
    ranges.length === 1
      ? values.subarray(...ranges[0]!)
      : Float64Array.from(ranges.flatMap(([from, to]) => [...values.subarray(from, to)]));
  const [mean, exact] = [cut(d.mean), cut(d.exact)];
  const size = norm(exact);
  const bias = distance(mean, exact) / size;
  const variance = d.draws > 1 ? cut(d.squares).reduce((a, b) => a + b, 0) / (d.draws - 1) / size ** 2 : 0;
  const sums = d.groups.map(({ sum, count }) => ({ sum: cut(sum), count }));
  const interval = d.draws > 1 ? biasInterval(sums, exact, d.confidence).map((end) => end / size) : [bias, bias];
  return {
    block: name,
    cosine: dot(mean, exact) / (norm(mean) * size),
    normRatio: norm(mean) / size,
    bias,
    biasInterval: [interval[0]!, interval[1]!],
    variance,
    z: bias / Math.sqrt(variance / d.draws),
  };
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum);
}

function warnings(comparisons: readonly Comparison[], system: System, exact: Float64Array): string[] {
  const list: string[] = [];
  for (const { name, ranges } of system.blocks) {
    const dead = ranges.every(([from, to]) => exact.subarray(from, to).every((v) => v === 0));
    if (dead) list.push(`${name} has no gradient on this sequence, so it is not compared.`);
  }
  for (const [i, a] of comparisons.entries()) {
    for (const b of comparisons.slice(i + 1)) {
      const same =
        a.total.bias === b.total.bias && a.total.cosine === b.total.cosine && a.total.normRatio === b.total.normRatio;
      if (same && a.name !== 'bptt') list.push(`${a.name} and ${b.name} do not differ on this sequence.`);
    }
  }
  return list;
}
