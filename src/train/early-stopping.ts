/** Stops a training whose held-out loss no longer falls, and keeps the best weights (Prechelt 1998). */

import type { Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import { requireInteger, requireNumber } from '../errors.js';

export interface EarlyStoppingSpec {
  /** Measurements of the held-out loss without a better one after which the training ends. */
  readonly patience: number;
  /** How much lower counts as better. Default 0. */
  readonly minDelta?: number;
  /** End with the weights of the best measurement. Default true. */
  readonly restoreBest?: boolean;
}

export function requireEarlyStopping({ patience, minDelta = 0 }: EarlyStoppingSpec): void {
  requireInteger('earlyStopping.patience', patience, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('earlyStopping.minDelta', minDelta, 0, Number.POSITIVE_INFINITY);
}

export class EarlyStopping {
  /** Null where they are not to be restored. */
  readonly best: Arena | null;
  private readonly kernels: Kernels;
  private readonly spec: EarlyStoppingSpec;
  private lowest = Number.MAX_VALUE;
  private waited = 0;

  constructor(kernels: Kernels, spec: EarlyStoppingSpec, arena: () => Arena) {
    this.kernels = kernels;
    this.spec = spec;
    this.best = spec.restoreBest === false ? null : arena();
  }

  get isOver(): boolean {
    return this.waited >= this.spec.patience;
  }

  /** `parameters`: what the loss was measured with. */
  observe(loss: number, parameters: Arena): void {
    if (loss < this.lowest - (this.spec.minDelta ?? 0)) {
      this.lowest = loss;
      this.waited = 0;
      if (this.best) this.kernels.copy(this.best.matrix, parameters.matrix);
    } else this.waited++;
  }

  /** Puts the best weights into the model. */
  settle(parameters: Arena): void {
    if (this.best && this.lowest < Number.MAX_VALUE) this.kernels.copy(parameters.matrix, this.best.matrix);
  }

  get memory(): readonly number[] {
    return [this.lowest, this.waited];
  }

  restore([lowest = Number.MAX_VALUE, waited = 0]: readonly number[]): void {
    this.lowest = lowest;
    this.waited = waited;
  }
}
