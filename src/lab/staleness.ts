/**
 * What an estimator loses where theta moves while it runs, which `compare` leaves out. Online, a gradient is emitted every k1 steps and
 * theta steps right after; what the estimator carries (influence matrices, kept steps) is then of older thetas. At an emission, with
 * theta as it is at that moment,
 *
 *   g        what is emitted online
 *   held     what the same estimator, with the same random numbers, emits there when theta was this one from the beginning
 *   exact    BPTT of the same losses over the whole past, at this theta
 *
 *   staleness = |g - held| / |held|, and the cosines of g and of held with the exact gradient
 */
import { createRng } from '../core/rng.js';
import { requireInteger, requireNumber } from '../errors.js';
import { type GradientEstimator, unroll } from '../estimators/estimator.js';
import { bptt } from '../estimators/methods/backwards.js';
import type { StepData, System } from '../estimators/system.js';
import { addScaled, dot, norm } from '../estimators/vectors.js';

export interface StalenessOptions {
  /** Of the step that theta makes after each emission, theta -= learningRate g. */
  readonly learningRate: number;
  /** k1. Default: the estimator's own, else 1. */
  readonly every?: number;
  /** Emissions that are looked at, spread evenly: each takes the whole past twice. Default 16. */
  readonly points?: number;
  /** Default 1. */
  readonly seed?: number;
}

export interface StalenessPoint {
  /** Steps behind it. */
  readonly step: number;
  readonly staleness: number;
  readonly cosine: number;
  readonly cosineHeld: number;
}

interface Emission {
  readonly from: number;
  readonly to: number;
  readonly gradient: Float64Array;
  readonly theta: Float64Array;
}

/** Theta is afterwards what it was before. */
export function staleness(
  estimator: GradientEstimator,
  system: System,
  sequence: readonly StepData[],
  options: StalenessOptions,
): StalenessPoint[] {
  const { learningRate, every = estimator.every ?? 1, points = 16, seed = 1 } = options;
  requireNumber('learningRate', learningRate, 0, Number.MAX_VALUE);
  requireInteger('every', every, 1, 1 << 24);
  requireInteger('points', points, 1, 1 << 24);
  const before = system.parameters.slice();
  const chosen = spreadOver(Math.ceil(sequence.length / every), points);
  const emissions: Emission[] = [];
  let count = 0;
  run(estimator, system, sequence, every, seed, (gradient, window) => {
    const theta = Float64Array.from(system.parameters);
    if (chosen.has(count++)) emissions.push({ ...window, gradient, theta });
    addScaled(system.parameters, -learningRate, gradient);
  });
  const found = emissions.map((one) => judge(one, estimator, system, sequence, every, seed));
  system.parameters.set(before);
  system.changed();
  return found;
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

/** Hands out a copy of each emission. */
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

/** `points` of `count` places, the last one among them. */
const spreadOver = (count: number, points: number): Set<number> =>
  new Set(
    Array.from(
      { length: Math.min(points, count) },
      (_, i) => Math.ceil(((i + 1) * count) / Math.min(points, count)) - 1,
    ),
  );
