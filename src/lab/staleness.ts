/**
 * The error of an estimator when theta changes during the sequence, which `compare` does not show. Online, theta changes after each
 * emission, but what the estimator carries (influence matrices, kept steps) belongs to older thetas. At an emission, with the current
 * theta,
 *
 *   g        the online emission
 *   held     the emission of the same estimator, with the same random numbers, if theta had this value from the start
 *   exact    BPTT of the same losses over the whole past, at this theta
 *
 *   staleness = |g - held| / |held|, and the cosines of g and of held with the exact gradient
 */

import { requireInteger, requireKeys, requireNumber } from '../checks.js';
import { createRng } from '../core/rng.js';
import { type GradientEstimator, requireEstimator, unroll } from '../estimators/estimator.js';
import { bptt } from '../estimators/methods/backwards.js';
import { requireSystem, type StepData, type System } from '../estimators/system.js';
import { addScaled, dot, norm } from '../estimators/vectors.js';
import { requireSequence } from './checks.js';

/** Options of `staleness`. */
export interface StalenessOptions {
  /** Learning rate of the update after each emission, theta -= learningRate g. */
  readonly learningRate: number;
  /** Steps between two emissions, k1. Default: the estimator's `every`, else 1. */
  readonly every?: number;
  /** Number of emissions to measure, evenly spaced; each runs the whole past twice. Default 16. */
  readonly points?: number;
  /** Seed of the estimator's random numbers. Default 1. */
  readonly seed?: number;
}

/** The staleness of one emission. */
export interface StalenessPoint {
  /** Number of steps before the emission. */
  readonly step: number;
  /** |g - held| / |held|. */
  readonly staleness: number;
  /** Cosine of g with the exact gradient. */
  readonly cosine: number;
  /** Cosine of `held` with the exact gradient. */
  readonly cosineHeld: number;
}

interface Emission {
  readonly from: number;
  readonly to: number;
  readonly gradient: Float64Array;
  readonly theta: Float64Array;
}

/** Measures how stale the emissions of an estimator are when theta changes after each of them. Restores theta at the end. */
export function staleness(
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  options: StalenessOptions,
): StalenessPoint[] {
  requireEstimator(estimator);
  requireSystem(system);
  requireSequence(sequence);
  requireKeys('options', options, ['learningRate', 'every', 'points', 'seed']);
  const { learningRate, every = estimator.every ?? 1, points = 16, seed = 1 } = options;
  requireInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('learningRate', learningRate, 0, Number.MAX_VALUE);
  requireInteger('every', every, 1, 1 << 24);
  requireInteger('points', points, 1, 1 << 24);
  const before = system.parameters.slice();
  const chosen = spreadOver(Math.ceil(sequence.length / every), points);
  const emissions: Emission[] = [];
  let count = 0;
  try {
    run(estimator, system, sequence, every, seed, (gradient, window) => {
      const theta = Float64Array.from(system.parameters);
      if (chosen.has(count++)) emissions.push({ ...window, gradient, theta });
      addScaled(system.parameters, -learningRate, gradient);
    });
    return emissions.map((one) => judge(one, estimator, system, sequence, every, seed));
  } finally {
    system.parameters.set(before);
    system.changed();
  }
}

function judge(
  { from, to, gradient, theta }: Emission,
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  every: number,
  seed: number,
): StalenessPoint {
  system.parameters.set(theta);
  const past = sequence.slice(0, to);
  let held = gradient;
  run(estimator, system, past, every, seed, (emitted, window) => {
    if (window.from === from) held = emitted;
  });
  let exact = gradient;
  const alone = past.map((data, t) => (t < from ? { ...data, target: null } : data));
  run(bptt(), system, alone, null, seed, (emitted) => {
    exact = emitted;
  });
  const cosine = (a: Float64Array): number => dot(a, exact) / (norm(a) * norm(exact));
  const off = gradient.map((v, p) => v - held[p]!);
  return { step: to, staleness: norm(off) / norm(held), cosine: cosine(gradient), cosineHeld: cosine(held) };
}

/** Calls `emitted` with a copy of each emission. */
function run(
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  every: number | null,
  seed: number,
  emitted: (gradient: Float64Array, window: { readonly from: number; readonly to: number }) => void,
): void {
  const one = estimator.start(system, createRng(seed, `staleness of ${estimator.name}`));
  unroll(system, one, sequence, { every }, (gradient, { from, to }) =>
    emitted(Float64Array.from(gradient), { from, to }),
  );
  one.reset();
}

/** `points` evenly spaced indices below `count`, including the last. */
const spreadOver = (count: number, points: number): Set<number> =>
  new Set(
    Array.from(
      { length: Math.min(points, count) },
      (_, i) => Math.ceil(((i + 1) * count) / Math.min(points, count)) - 1,
    ),
  );
