/** A batch, step by step. */

import { toTimeMajor } from '../../core/layout.js';
import { type LossChoice, type LossSpec, lossWeight, requireLoss } from '../../core/losses.js';
import type { Batch } from '../../core/model.js';
import type { Noise } from '../../core/noise.js';
import type { StepData } from '../system.js';
import { partOf } from '../vectors.js';

/** A batch time-major, with what each of its losses is divided by. */
export interface TimeMajorBatch {
  readonly loss: LossSpec;
  readonly steps: number;
  readonly batchSize: number;
  readonly lengths: ArrayLike<number> | null;
  readonly inputs: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** [T, N]: 0 past a row's end; null where all count alike. */
  readonly weights: ArrayLike<number> | null;
  /** What the batch's mean is divided by; null for a loss that sums. */
  readonly total: number | null;
}

export function timeMajorBatch(batch: Batch, choice: LossChoice): TimeMajorBatch {
  const { steps, batchSize, lengths = null, batchFirst } = batch;
  const loss = requireLoss(choice);
  const ordered = (values: ArrayLike<number>) => (batchFirst ? toTimeMajor(values, steps, batchSize) : values);
  const targets = ordered(batch.targets);
  const weights = countedRows(batch, batch.weights ? ordered(batch.weights) : null);
  const sums = 'reduction' in loss && loss.reduction === 'sum';
  const total = sums ? null : lossWeight(loss, targets, { batchSize, weights });
  return { loss, steps, batchSize, lengths, inputs: ordered(batch.inputs), targets, weights, total };
}

/** How much each step and row counts. */
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
 * The steps of batchSize [first, first + rows). Each one's loss is the mean over its rows, and counts with its share of the batch's mean: a
 * step weighs as much as its targets do. A single row ends where its length says.
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
      share: total === null ? 1 : lossWeight(loss, target, { batchSize, weights: own }) / total,
      noise: noise && { ...noise, part: { step: t, row: first, rows: N } },
    };
  }
}

/** A whole batch as the steps of a sequence, for `compare`, `unroll` and their like: their losses add up to the batch's. */
export const batchToSteps = (batch: Batch, loss: LossChoice): StepData[] => [
  ...stepsOf(timeMajorBatch(batch, loss), 0, batch.batchSize, null),
];
