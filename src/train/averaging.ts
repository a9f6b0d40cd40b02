/** Weight averages: training continues with the weights, validation and the final model use their average. */

import { requireInteger, requireNumber } from '../checks.js';
import type { Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import { invalidSetting } from '../errors.js';
import type { Resumable } from '../optim/schedule.js';

/** An average of the weights, as `fit`'s option `average`. */
export type AverageSpec =
  /** Exponential moving average: a = decay a + (1 - decay) w after each update, starting from the weights after update 1. */
  | { readonly kind: 'ema'; readonly decay: number }
  /**
   * The mean of the weights after each update from `start` (default 1) on (Polyak & Juditsky 1992). With `patience`, it starts
   * when the validation loss is worse than the best one before the last `patience` validations (NT-ASGD, Merity et al. 2018).
   */
  | { readonly kind: 'polyak'; readonly start?: number; readonly patience?: number };

/** Throws `INVALID_SETTING`. */
export function requireAverage(spec: AverageSpec): void {
  if (spec.kind === 'ema') requireNumber('average.decay', spec.decay, 0, 1 - Number.EPSILON);
  else if (spec.kind === 'polyak') {
    if (spec.start !== undefined) requireInteger('average.start', spec.start, 1, Number.MAX_SAFE_INTEGER);
    if (spec.patience !== undefined) requireInteger('average.patience', spec.patience, 1, Number.MAX_SAFE_INTEGER);
  } else {
    const problem = `unknown average ${JSON.stringify(spec)}.`;
    throw invalidSetting('average', problem, 'Use ema or polyak.');
  }
}

export class Average implements Resumable {
  readonly weights: Arena;
  private readonly kernels: Kernels;
  private readonly spec: AverageSpec;
  /** Number of updates in the average. */
  private count = 0;
  /** The validation losses so far, if they decide when the average starts; null once it has started. */
  private losses: number[] | null;

  constructor(kernels: Kernels, spec: AverageSpec, arena: () => Arena) {
    this.kernels = kernels;
    this.spec = spec;
    this.weights = arena();
    this.losses = spec.kind === 'polyak' && spec.patience !== undefined ? [] : null;
  }

  /** Whether the average has started. */
  get isUsed(): boolean {
    return this.count > 0;
  }

  /** Adds the weights after this update, counted from 1. */
  update(parameters: Arena, update: number): void {
    const { kernels: k, spec, weights } = this;
    if (this.losses || (spec.kind === 'polyak' && update < (spec.start ?? 1))) return;
    this.count++;
    const keep = spec.kind === 'ema' && this.count > 1 ? spec.decay : 1 - 1 / this.count;
    k.combine(weights.write(), keep, weights.read(), 1 - keep, parameters.read());
  }

  /** Takes a validation loss into account. */
  observe(loss: number): void {
    const { spec, losses } = this;
    if (!losses || spec.kind !== 'polyak') return;
    const older = losses.slice(0, Math.max(0, losses.length - spec.patience!));
    losses.push(loss);
    if (older.length > 0 && loss > Math.min(...older)) this.losses = null;
  }

  /** All that the average has observed, except the weights. */
  get observed(): readonly number[] {
    return [this.count, this.losses ? 1 : 0, ...(this.losses ?? [])];
  }

  restore([count = 0, isWaiting = 0, ...losses]: readonly number[]): void {
    this.count = count;
    this.losses = isWaiting ? losses : null;
  }
}
