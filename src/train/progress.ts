/** How far a training is: a value that each update and each epoch replaces. */

import { createRng, type RngState } from '../core/rng.js';

/** The position of a training in its updates, epochs and batches. */
export interface TrainingProgress {
  /** Updates made so far. */
  readonly update: number;
  /** The current epoch, from 1. */
  readonly epoch: number;
  /** The next batch of the epoch, from 0. */
  readonly batch: number;
  /** Sum of the losses of the epoch's batches so far. */
  readonly lossSum: number;
  /** The epoch that a validation is due for, before the next update; null when none is due. */
  readonly due: number | null;
  /** The generator as it was before the epoch's data were shuffled. */
  readonly rng: RngState;
}

export const firstProgress = (seed: number): TrainingProgress => ({
  update: 0,
  epoch: 1,
  batch: 0,
  lossSum: 0,
  due: null,
  rng: createRng(seed, 'data').state(),
});

/** After one more update, whose batch had this loss. */
export function afterUpdate(progress: TrainingProgress, loss: number, isValidationDue: boolean): TrainingProgress {
  const { update, epoch, batch, lossSum, rng } = progress;
  const due = isValidationDue ? epoch : progress.due;
  return { update: update + 1, epoch, batch: batch + 1, lossSum: lossSum + loss, due, rng };
}

/** At the start of the next epoch, whose data are shuffled by `rng`. A validation is due. */
export function afterEpoch({ update, epoch }: TrainingProgress, rng: RngState): TrainingProgress {
  return { update, epoch: epoch + 1, batch: 0, lossSum: 0, due: epoch, rng };
}
