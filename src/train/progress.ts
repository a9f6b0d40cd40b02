/** How far a training is: a value that each update and each epoch replaces. */

import { createRng, isRngState, type RngState } from '../core/rng.js';

/** The position of a training in its updates, epochs and batches. */
export interface TrainingProgress {
  /** Updates made so far. */
  readonly update: number;
  /** The current epoch, from 1. */
  readonly epoch: number;
  /** The next batch of the epoch, from 0. */
  readonly batch: number;
  /** Sum of the losses of the epoch's batches so far, each times its weight. */
  readonly lossSum: number;
  /**
   * Sum of the weights of the epoch's batches so far: of their targets that count. Undefined in a state of Unspool 0.1, whose
   * `lossSum` counts each batch once.
   */
  readonly weightSum?: number;
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
  weightSum: 0,
  due: null,
  rng: createRng(seed, 'data').state(),
});

/** A batch's share of the epoch's loss, and its weight. */
export interface BatchLoss {
  readonly share: number;
  readonly weight: number;
}

/** After one more update. */
export function afterUpdate(
  progress: TrainingProgress,
  { share, weight }: BatchLoss,
  isValidationDue: boolean,
): TrainingProgress {
  const { update, epoch, batch, lossSum, weightSum, rng } = progress;
  const due = isValidationDue ? epoch : progress.due;
  // Of a state of Unspool 0.1, each batch so far counts as this one.
  const [sum, count] = weightSum === undefined ? [lossSum * weight, batch * weight] : [lossSum, weightSum];
  const [nextSum, nextCount] = [sum + share, count + weight];
  return { update: update + 1, epoch, batch: batch + 1, lossSum: nextSum, weightSum: nextCount, due, rng };
}

/** The mean loss of the epoch's batches so far. */
export const epochLoss = ({ lossSum, weightSum, batch }: TrainingProgress): number => lossSum / (weightSum ?? batch);

/** At the start of the next epoch, whose data are shuffled by `rng`. A validation is due. */
export function afterEpoch({ update, epoch }: TrainingProgress, rng: RngState): TrainingProgress {
  return { update, epoch: epoch + 1, batch: 0, lossSum: 0, weightSum: 0, due: epoch, rng };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Whether an object, such as the header of a file, has the position of a training. */
export function isProgress(value: Readonly<Record<string, unknown>> | TrainingProgress): boolean {
  const { update, epoch, batch, lossSum, weightSum, due, rng } = value;
  return (
    [update, epoch, batch].every(isCount) &&
    Number.isFinite(lossSum) &&
    (weightSum === undefined || (Number.isFinite(weightSum) && (weightSum as number) >= 0)) &&
    (due === null || isCount(due)) &&
    isRngState(rng)
  );
}

/** The position alone, without what else an object has. */
export const progressOf = ({
  update,
  epoch,
  batch,
  lossSum,
  weightSum,
  due,
  rng,
}: TrainingProgress): TrainingProgress => ({
  ...{ update, epoch, batch, lossSum },
  ...(weightSum === undefined ? {} : { weightSum }),
  ...{ due, rng },
});
