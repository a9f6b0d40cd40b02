/** A batch, step by step. */
import type { Noise } from '../../core/layers/layer.js';
import { toTimeMajor } from '../../core/layout.js';
import { type LossChoice, type LossSpec, lossWeight, requireLoss } from '../../core/losses.js';
import type { Batch } from '../../core/model.js';
import type { StepData } from '../system.js';
import { partOf } from '../vectors.js';

/** A batch time-major, with what each of its losses is divided by. */
export interface LaidOut {
  readonly loss: LossSpec;
  readonly steps: number;
  readonly rows: number;
  readonly lengths: ArrayLike<number> | null;
  readonly inputs: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  /** [T, N]: 0 past a row's end; null where all count alike. */
  readonly weights: ArrayLike<number> | null;
  /** What the batch's mean is divided by; null for a loss that sums. */
  readonly total: number | null;
}

export function layOut(batch: Batch, choice: LossChoice): LaidOut {
  const { steps, rows, lengths = null, batchFirst } = batch;
  const loss = requireLoss(choice);
  const ordered = (values: ArrayLike<number>) => (batchFirst ? toTimeMajor(values, steps, rows) : values);
  const targets = ordered(batch.targets);
  const weights = countedRows(batch, batch.weights ? ordered(batch.weights) : null);
  const sums = 'reduction' in loss && loss.reduction === 'sum';
  const total = sums ? null : lossWeight(loss, targets, { rows, weights });
  return { loss, steps, rows, lengths, inputs: ordered(batch.inputs), targets, weights, total };
}

/** How much each step and row counts. */
function countedRows({ steps, rows, lengths }: Batch, weights: ArrayLike<number> | null): ArrayLike<number> | null {
  if (!lengths) return weights;
  return Float64Array.from({ length: steps * rows }, (_, r) =>
    Math.floor(r / rows) < lengths[r % rows]! ? (weights?.[r] ?? 1) : 0,
  );
}

/**
 * The steps of rows [first, first + rows). Each one's loss is the mean over its rows, and counts with its share of the batch's mean: a
 * step weighs as much as its targets do. A single row ends where its length says.
 */
export function* stepsOf(laid: LaidOut, first: number, rows: number, noise: Noise | null): Generator<StepData> {
  const { loss, steps, rows: N, lengths, inputs, targets, weights, total } = laid;
  const cut = (values: ArrayLike<number>, t: number) => partOf(values, steps * N, t * N + first, rows);
  const last = lengths && rows === 1 ? lengths[first]! : steps;
  for (let t = 0; t < last; t++) {
    const target = cut(targets, t);
    const own = weights && cut(weights, t);
    yield {
      input: cut(inputs, t),
      target,
      weights: own,
      share: total === null ? 1 : lossWeight(loss, target, { rows, weights: own }) / total,
      noise: noise && { ...noise, part: { step: t, row: first, rows: N } },
    };
  }
}

/** A whole batch as the steps of a sequence, for `compare`, `unroll` and their like: their losses add up to the batch's. */
export const sequenceOf = (batch: Batch, loss: LossChoice): StepData[] => [
  ...stepsOf(layOut(batch, loss), 0, batch.rows, null),
];
