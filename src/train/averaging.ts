/** Averages of the weights beside the weights: what is measured and kept, while training goes on with the weights themselves. */

import type { Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import { invalidSetting, requireInteger, requireNumber } from '../errors.js';

export type AverageSpec =
  /** a = decay a + (1 - decay) w after each update, from the first update's w on. */
  | { readonly kind: 'ema'; readonly decay: number }
  /**
   * The mean of all w from update `start` on (Polyak & Juditsky 1992), or, with `patience`, from when the held-out loss was
   * worse than the best of all before it but the last so many measurements (NT-ASGD, Merity et al. 2018).
   */
  | { readonly kind: 'polyak'; readonly start?: number; readonly patience?: number };

export function requireAverage(spec: AverageSpec): void {
  if (spec.kind === 'ema') requireNumber('average.decay', spec.decay, 0, 1 - Number.EPSILON);
  else if (spec.kind === 'polyak') {
    if (spec.start !== undefined) requireInteger('average.start', spec.start, 1, Number.MAX_SAFE_INTEGER);
    if (spec.patience !== undefined) requireInteger('average.patience', spec.patience, 1, Number.MAX_SAFE_INTEGER);
  } else {
    const problem = `${JSON.stringify(spec)} is no average.`;
    throw invalidSetting('average', problem, 'Use ema or polyak.');
  }
}

export class Average {
  readonly weights: Arena;
  /** The weights themselves, while the average stands in their place. */
  readonly aside: Arena;
  private readonly kernels: Kernels;
  private readonly spec: AverageSpec;
  /** Weights in the average so far. */
  private count = 0;
  /** Held-out losses so far, where they decide when to begin; null once it has begun. */
  private losses: number[] | null;

  constructor(kernels: Kernels, spec: AverageSpec, arena: () => Arena) {
    this.kernels = kernels;
    this.spec = spec;
    this.weights = arena();
    this.aside = arena();
    this.losses = spec.kind === 'polyak' && spec.patience !== undefined ? [] : null;
  }

  /** Whether there is an average yet. */
  get isUsed(): boolean {
    return this.count > 0;
  }

  /** After update `step`, from 1. */
  update(parameters: Arena, step: number): void {
    const { kernels: k, spec, weights } = this;
    if (this.losses || (spec.kind === 'polyak' && step < (spec.start ?? 1))) return;
    this.count++;
    const keep = spec.kind === 'ema' && this.count > 1 ? spec.decay : 1 - 1 / this.count;
    k.combine(weights.matrix, keep, weights.matrix, 1 - keep, parameters.matrix);
  }

  observe(loss: number): void {
    const { spec, losses } = this;
    if (!losses || spec.kind !== 'polyak') return;
    const older = losses.slice(0, Math.max(0, losses.length - spec.patience!));
    losses.push(loss);
    if (older.length > 0 && loss > Math.min(...older)) this.losses = null;
  }

  /** Puts the average in the place of the weights, where there is one. */
  swapIn(parameters: Arena): void {
    if (this.count === 0) return;
    this.kernels.copy(this.aside.matrix, parameters.matrix);
    this.kernels.copy(parameters.matrix, this.weights.matrix);
  }

  swapOut(parameters: Arena): void {
    if (this.count > 0) this.kernels.copy(parameters.matrix, this.aside.matrix);
  }

  /** All that it remembers besides the arena. */
  get memory(): readonly number[] {
    return [this.count, this.losses ? 1 : 0, ...(this.losses ?? [])];
  }

  restore([count = 0, waiting = 0, ...losses]: readonly number[]): void {
    this.count = count;
    this.losses = waiting ? losses : null;
  }
}
