/** A batch as a sequence of steps. */

import { lossWeight } from '../../core/batch.js';
import { toTimeMajor } from '../../core/layout.js';
import { type LossChoice, type LossSpec, requireLoss } from '../../core/losses.js';
import type { Batch } from '../../core/model.js';
import type { Noise } from '../../core/noise.js';
import type { StepData } from '../system.js';
import { partOf } from '../vectors.js';

/** A batch in time-major order, with the divisor of its losses. */
export interface TimeMajorBatch {
  readonly loss: LossSpec;
  readonly steps: number;
  readonly batchSize: number;
  readonly lengths: ArrayLike<number> | null;
  readonly inputs: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** [T, N], 0 after the end of a sequence; null for equal weights. */
  readonly weights: ArrayLike<number> | null;
  /** Divisor of the batch's mean; null for a loss that sums. */
  readonly total: number | null;
}

export function timeMajorBatch(batch: Batch, choice: LossChoice): TimeMajorBatch {
  const { steps, batchSize, lengths = null } = batch;
  const loss = requireLoss(choice);
  const ordered = (values: ArrayLike<number>) => toTimeMajor(values, batch);
  const targets = ordered(batch.targets);
  const weights = countedRows(batch, batch.weights ? ordered(batch.weights) : null);
  const sums = 'reduction' in loss && loss.reduction === 'sum';
  const total = sums ? null : lossWeight(loss, { batchSize, rows: steps * batchSize, targets, weights });
  return { loss, steps, batchSize, lengths, inputs: ordered(batch.inputs), targets, weights, total };
}

/** The weight of each step and sequence. */
function countedRows(
  { steps, batchSize, lengths }: Batch,
  weights: ArrayLike<number> | null,
): ArrayLike<number> | null {
  if (!lengths) return weights;
  return Float64Array.from({ length: steps * batchSize }, (_, r) =>
    Math.floor(r / batchSize) < lengths[r % batchSize]! ? (weights?.[r] ?? 1) : 0,
  );
}

/**
 * The steps of sequences [first, first + batchSize). The loss of a step is the mean over its sequences, and `share` is its part of
 * the batch's mean. A single sequence ends at its length.
 */
export function* stepsOf(
  laid: TimeMajorBatch,
  first: number,
  batchSize: number,
  noise: Noise | null,
): Generator<StepData> {
  const { loss, steps, batchSize: N, lengths, inputs, targets, weights, total } = laid;
  const cut = (values: ArrayLike<number>, t: number) => partOf(values, steps * N, t * N + first, batchSize);
  const last = lengths && batchSize === 1 ? lengths[first]! : steps;
  for (let t = 0; t < last; t++) {
    const target = cut(targets, t);
    const own = weights && cut(weights, t);
    yield {
      input: cut(inputs, t),
      target,
      weights: own,
      share:
        total === null ? 1 : lossWeight(loss, { batchSize, rows: batchSize, targets: target, weights: own }) / total,
      noise: noise && { ...noise, part: { step: t, row: first, rows: N } },
    };
  }
}

/** A batch as the steps of a sequence, for `compare` and `unroll`. The losses of the steps add up to the loss of the batch. */
export const batchToSteps = (batch: Batch, loss: LossChoice): StepData[] => [
  ...stepsOf(timeMajorBatch(batch, loss), 0, batch.batchSize, null),
];
