/** Batches of a source, checked before anything is allocated for them. */
import { batchWeight, requireBatch } from '../core/batch.js';
import type { LossChoice } from '../core/losses.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import type { BatchSource } from '../data/source.js';
import { UnspoolError } from '../errors.js';

/** A batch with its loss. */
export interface TakenBatch {
  readonly batch: Batch;
  readonly loss: LossChoice;
  /** Its weight in the mean over all batches. */
  readonly weight: number;
}

/**
 * Takes a batch from a source and checks its counts. A pass that starts before the next await reads the batch as it is now. A
 * promise, where the model must load code first, holds a copy.
 */
export function takeBatch(
  model: Model,
  source: BatchSource,
  index: number,
  choice?: LossChoice,
): TakenBatch | Promise<TakenBatch> {
  const batch = source.batch(index);
  try {
    const loss = choice ?? defaultLoss(batch);
    requireBatch(model, batch, loss);
    const weight = batchWeight(model.spec, batch, loss);
    const ready = model.prepare(batch, loss);
    return ready instanceof Promise ? ready.then((copy) => ({ batch: copy, loss, weight })) : { batch, loss, weight };
  } catch (error) {
    throw inBatch(error, index);
  }
}

/** An error about data, with the number of the batch that it is about. */
export function inBatch(error: unknown, index: number): unknown {
  if (!(error instanceof UnspoolError)) return error;
  const { problem } = error;
  const of = ` of batch ${index}`;
  if (problem.code === 'SHAPE_MISMATCH') return new UnspoolError({ ...problem, tensor: problem.tensor + of });
  if (problem.code !== 'INVALID_DATA') return error;
  return new UnspoolError({ ...problem, what: problem.what + of });
}
