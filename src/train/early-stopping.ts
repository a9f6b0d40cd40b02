/** Early stopping: ends a training when the validation loss stops improving, with the best weights (Prechelt 1998). */

import { requireInteger, requireNumber } from '../checks.js';
import type { Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Resumable } from '../optim/schedule.js';

/** `fit`'s option `earlyStopping`. */
export interface EarlyStoppingSpec {
  /** The training ends after this many validations without an improvement. */
  readonly patience: number;
  /** An improvement lowers the loss by more than this. Default 0. */
  readonly minDelta?: number;
  /** Whether the model ends with the weights of the best validation. Default true. */
  readonly restoreBest?: boolean;
}

/** Throws `INVALID_SETTING`. */
export function requireEarlyStopping({ patience, minDelta = 0 }: EarlyStoppingSpec): void {
  requireInteger('earlyStopping.patience', patience, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('earlyStopping.minDelta', minDelta, 0, Number.POSITIVE_INFINITY);
}

export class EarlyStopping implements Resumable {
  /** The weights of the best validation; null with `restoreBest: false`. */
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

  /** Whether `best` holds weights. */
  get hasBest(): boolean {
    return this.best !== null && this.lowest < Number.MAX_VALUE;
  }

  /** Takes a validation loss, measured with `parameters`, into account. */
  observe(loss: number, parameters: Arena): void {
    if (loss < this.lowest - (this.spec.minDelta ?? 0)) {
      this.lowest = loss;
      this.waited = 0;
      if (this.best) this.kernels.copy(this.best.write(), parameters.read());
    } else this.waited++;
  }

  get observed(): readonly number[] {
    return [this.lowest, this.waited];
  }

  restore([lowest = Number.MAX_VALUE, waited = 0]: readonly number[]): void {
    this.lowest = lowest;
    this.waited = waited;
  }
}
