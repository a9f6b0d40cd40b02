/** Weight averages: training continues with the weights, validation and the final model use their average. */

import type { Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Resumable } from '../optim/schedule.js';
import type { AverageSpec } from './specs.js';

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
