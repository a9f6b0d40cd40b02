/**
 * Evolution strategies: the gradient of the loss smoothed by a Gaussian, L_sigma(theta) = E[L(theta + sigma e)], from losses alone,
 * with antithetic pairs (e, -e) of perturbations:
 *
 *   g = 1 / (2 sigma N) sum over pairs of e (L(theta + sigma e) - L(theta - sigma e))
 *
 * Plain ES draws a new e at each emission and uses the losses since the last one, which truncates the effect of theta on the state.
 * PES (Vicol et al. 2021) multiplies those losses by the sum of all e of the sequence so far, and is unbiased for L_sigma.
 */

import { requireInteger, requireNumber } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import type { Rng } from '../../core/rng.js';
import { defineEstimator, type EstimatorCost, type EstimatorRun, type GradientEstimator } from '../estimator.js';
import type { StepData, System, SystemStep } from '../system.js';
import { addScaled, randomNormals } from '../vectors.js';

/** Options of `evolution` and `pes`. */
export interface EvolutionOptions {
  /** Number of perturbed copies of the system, half of them with each sign. Default 100. */
  readonly particles?: number;
  /** Standard deviation of the perturbations. Default 0.1. */
  readonly sigma?: number;
}

interface Particle {
  state: ArrayLike<number>;
  loss: number;
}

interface Pair {
  /** e of this emission, and the sum of all e of the sequence. */
  e: Float64Array;
  readonly all: Float64Array;
  readonly plus: Particle;
  readonly minus: Particle;
}

class EvolutionRun implements EstimatorRun {
  readonly cost: EstimatorCost = { floats: 0, macs: 0 };
  private readonly system: System;
  private readonly random: Rng;
  private readonly sigma: number;
  private readonly persistent: boolean;
  private readonly pairs: Pair[];
  private fresh = true;

  constructor(system: System, random: Rng, particles: number, sigma: number, persistent: boolean) {
    const P = system.parameters.length;
    this.system = system;
    this.random = random;
    this.sigma = sigma;
    this.persistent = persistent;
    this.pairs = Array.from({ length: particles / 2 }, () => ({
      e: new Float64Array(P),
      all: new Float64Array(P),
      plus: { state: [], loss: 0 },
      minus: { state: [], loss: 0 },
    }));
    this.cost.floats = this.pairs.length * (2 * P + 2 * system.batchSize * system.stateSize);
    this.draw();
  }

  private draw(): void {
    for (const pair of this.pairs) {
      pair.e = randomNormals(this.system.parameters.length, this.random);
      addScaled(pair.all, 1, pair.e);
    }
  }

  step(step: SystemStep, data: StepData): void {
    const { system, sigma } = this;
    if (this.fresh) this.startFrom(step.before);
    step.release();
    const theta = system.parameters;
    const held = theta.slice();
    for (const { e, plus, minus } of this.pairs) {
      for (const [particle, sign] of [[plus, 1] as const, [minus, -1] as const]) {
        for (let p = 0; p < theta.length; p++) theta[p] = held[p]! + sign * sigma * e[p]!;
        system.changed();
        const own = system.step(particle.state, data);
        particle.state = own.state;
        particle.loss += own.loss;
        own.release();
        this.cost.macs += system.batchSize * theta.length;
      }
    }
    theta.set(held);
    system.changed();
  }

  /** All particles start from the first state of the sequence. */
  private startFrom(state: ArrayLike<number>): void {
    this.fresh = false;
    for (const { plus, minus } of this.pairs) {
      plus.state = state;
      minus.state = state;
    }
  }

  emit(gradient: FloatArray): void {
    const weight = 1 / (2 * this.sigma * this.pairs.length);
    for (const { e, all, plus, minus } of this.pairs) {
      addScaled(gradient, weight * (plus.loss - minus.loss), this.persistent ? all : e);
      plus.loss = 0;
      minus.loss = 0;
    }
    this.draw();
  }

  reset(): void {
    this.fresh = true;
    for (const pair of this.pairs) {
      pair.all.fill(0);
      for (const particle of [pair.plus, pair.minus]) {
        particle.loss = 0;
      }
    }
    this.draw();
  }
}

function evolve(
  name: string,
  persistent: boolean,
  { particles = 100, sigma = 0.1 }: EvolutionOptions,
): GradientEstimator {
  requireInteger('particles', particles, 2, 1 << 20);
  requireInteger('particles / 2', particles / 2, 1, 1 << 19);
  requireNumber('sigma', sigma, Number.MIN_VALUE, 1e6);
  return {
    name: `${name}(particles=${particles}, sigma=${sigma})`,
    unbiased: false, // for the loss itself; `pes` is unbiased for the smoothed loss
    stochastic: true,
    direction: 'forward',
    every: null,
    start: (system, random) => new EvolutionRun(system, random, particles, sigma, persistent),
  };
}

/** Evolution strategies with antithetic pairs, window by window: biased. Particles keep their states between emissions. */
export const evolution = defineEstimator(
  'evolution',
  {
    summary: 'biased: antithetic perturbations of each window',
    settings: ['particles', 'sigma'],
    optional: ['particles', 'sigma'],
  },
  (options: EvolutionOptions = {}): GradientEstimator => evolve('evolution', false, options),
);

/** Persistent evolution strategies (Vicol et al. 2021): unbiased for the smoothed loss. */
export const pes = defineEstimator(
  'pes',
  {
    summary: 'unbiased for the smoothed loss: perturbations accumulated over the windows',
    settings: ['particles', 'sigma'],
    optional: ['particles', 'sigma'],
  },
  (options: EvolutionOptions = {}): GradientEstimator => evolve('pes', true, options),
);
