/** A batch as a sequence of steps. */

import {
  requireInteger,
  requireKeys,
  requireList,
  requireOptional,
  requireTokens,
  requireValues,
} from '../../checks.js';
import { BATCH_KEYS, lossWeight, requireBatch } from '../../core/batch.js';
import { placeIn, requireLengths, requireRowCount, rowAt, toTimeMajor } from '../../core/layout.js';
import { goesBySequence, type LossChoice, type LossSpec, requireLoss } from '../../core/losses.js';
import type { Batch, Model } from '../../core/model.js';
import type { Noise } from '../../core/noise.js';
import { readTargets } from '../../core/targets.js';
import { invalidSetting, UnspoolError } from '../../errors.js';
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

/** Checks the numbers of a batch for a model, so that an error names their place in the batch, not in a step. */
export function requireBatchNumbers(model: Model, batch: Batch, choice: LossChoice): void {
  requireBatch(model, batch, choice);
  const { steps, batchSize, lengths, batchFirst } = batch;
  const order = { steps, batchSize, batchFirst };
  const [first] = model.spec.layers;
  const width = first?.kind === 'embedding' ? 1 : model.spec.inputSize!;
  const active =
    lengths &&
    Float64Array.from({ length: steps * batchSize }, (_, row) =>
      Math.floor(row / batchSize) < lengths[row % batchSize]! ? 1 : 0,
    );
  const rules = {
    place: placeIn('inputs', order, width),
    unread: active && ((i: number) => active[rowAt(order, width, i)] === 0),
  };
  if (first?.kind === 'embedding') requireTokens('inputs', batch.inputs, first.size, rules);
  else requireValues('inputs', batch.inputs, rules);
  const counted = active && lengths ? { steps: lengths, active } : null;
  const rows = { ...order, width: model.outputSize, lengths: counted };
  readTargets(requireLoss(choice), rows, batch.targets, batch.weights ?? null);
}

/** Checks what can be checked of a batch without a model. */
function requireBatchShape(batch: unknown): asserts batch is Batch {
  requireKeys('batch', batch, BATCH_KEYS);
  const { steps, batchSize, inputs, targets, weights, lengths, batchFirst } = batch as Batch;
  requireInteger('steps', steps, 1, 1 << 24);
  requireInteger('batchSize', batchSize, 1, 1 << 24);
  requireOptional('batchFirst', batchFirst, 'boolean');
  const rows = steps * batchSize;
  for (const [tensor, values] of Object.entries({ inputs, targets })) {
    requireList(tensor, values);
    const each = Math.max(1, Math.ceil(values.length / rows));
    if (values.length === rows * each) continue;
    const shape = batchFirst ? [batchSize, steps, each] : [steps, batchSize, each];
    throw new UnspoolError({ code: 'SHAPE_MISMATCH', op: 'batch', tensor, expected: shape, actual: [values.length] });
  }
  if (weights !== undefined) requireRowCount('weights', weights, { steps, batchSize, batchFirst });
  if (lengths !== undefined) requireLengths(lengths, { steps, batchSize });
}

/** Throws `INVALID_SETTING` for a loss of whole sequences. */
export function requireStepLoss(loss: LossChoice): void {
  if (!goesBySequence(requireLoss(loss))) return;
  const problem = 'is of whole sequences, and an estimator goes step by step.';
  throw invalidSetting('loss', problem, 'Use the exact gradient.');
}

/** A batch as the steps of a sequence, for `compare` and `unroll`. The losses of the steps add up to the loss of the batch. */
export function batchToSteps(batch: Batch, loss: LossChoice): StepData[] {
  requireBatchShape(batch);
  requireStepLoss(loss);
  return [...stepsOf(timeMajorBatch(batch, loss), 0, batch.batchSize, null)];
}
