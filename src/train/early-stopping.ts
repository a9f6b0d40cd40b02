/** Early stopping: ends a training when the validation loss stops improving, with the best weights (Prechelt 1998). */

import type { Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Resumable } from '../optim/schedule.js';
import type { EarlyStoppingSpec } from './specs.js';

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
