/** The mean loss over the batches of a source. */
import { requireFunction } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { countedWeights, lossShare } from '../core/batch.js';
import { toBatchFirst } from '../core/layout.js';
import { type LossChoice, requireLoss } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import type { Tape } from '../core/tape.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import { invalidData } from '../errors.js';
import { notFiniteLoss } from './not-finite.js';
import { inBatch, takeBatch } from './take-batch.js';
import { TapeCache } from './tape-cache.js';

/** Called after each batch, for other metrics. See `evaluate`. */
type Watch = (output: FloatArray, batch: Batch, weights: ArrayLike<number> | null) => unknown;

/** What a batch adds to a sum of losses, and to the sum of weights that divides it. */
export interface BatchLoss {
  readonly share: number;
  readonly weight: number;
}

/** What `lossesOf` reads in addition to the loss. */
interface Reading {
  readonly watch?: Watch | undefined;
  /** The first batch, and the one after the last. Default: all. */
  readonly from?: number;
  readonly to?: number;
}

/**
 * The losses of batches of a source, one after another. A stateful source carries the state from batch to batch. Throws `INVALID_DATA`,
 * and `NOT_FINITE` for a loss that is NaN or infinite, with the number of the batch.
 */
export async function* lossesOf(
  model: Model,
  data: BatchSource,
  loss?: LossChoice,
  { watch, from = 0, to = data.length }: Reading = {},
): AsyncGenerator<BatchLoss, void, void> {
  const tapes = new TapeCache(model, { gradients: false });
  let last: Tape | null = null;
  try {
    for (let i = from; i < to; i++) {
      const taken = takeBatch(model, data, i, loss);
      const { batch, loss: choice, weight } = taken instanceof Promise ? await taken : taken;
      const tape = tapes.take(batch);
      let share: number;
      try {
        const result = await model.evaluate(batch, { tape, from: data.stateful ? last : null, loss: choice });
        if (weight > 0 && !Number.isFinite(result.loss)) await refuse(model, tape, result.loss, i);
        share = lossShare(requireLoss(choice), result.loss, weight);
      } catch (error) {
        throw inBatch(error, i);
      }
      if (watch) await watch(...(await watched(model, tape, batch, choice)));
      last = tape;
      yield { share, weight };
    }
  } finally {
    tapes.free();
  }
}

/** The mean of losses. Throws `INVALID_DATA` if no target counts. */
export function meanLoss(losses: readonly BatchLoss[]): number {
  let sum = 0;
  let count = 0;
  for (const { share, weight } of losses) {
    sum += share;
    count += weight;
  }
  if (count > 0) return sum / count;
  throw invalidData('source', 'has no target that counts: all are ignored or have weight 0.');
}

/**
 * Returns the mean loss over all targets of a source, even for a loss that sums. A stateful source carries the state from
 * batch to batch. Throws `INVALID_DATA`, and `NOT_FINITE` for a loss that is NaN or infinite, with the number of the batch.
 *
 * `watch` is called after each batch, for other metrics. `output` is in the order of the batch's targets: [N, steps, width] for a
 * batch with `batchFirst`, otherwise [steps, N, width]. `weights` has a number for each row of the output in this order: its
 * weight, and 0 past the end of a sequence; null if all rows have weight 1. Class targets of rows with weight 0 are replaced by
 * the `ignoreIndex` of the loss (default -1), which `ClassificationMetrics` ignores.
 */
export async function evaluate(
  model: Model,
  source: BatchSource,
  loss?: LossChoice,
  watch?: (output: FloatArray, batch: Batch, weights: ArrayLike<number> | null) => unknown,
): Promise<number> {
  requireModel(model);
  const data = copyOfSource('source', source, false);
  if (watch !== undefined) requireFunction('watch', watch);
  const losses: BatchLoss[] = [];
  for await (const one of lossesOf(model, data, loss, { watch })) losses.push(one);
  return meanLoss(losses);
}

/** The output of a batch in the order of its targets, the batch without targets that do not count, and the weights of the rows. */
async function watched(
  model: Model,
  tape: Tape,
  batch: Batch,
  choice: LossChoice,
): Promise<[FloatArray, Batch, ArrayLike<number> | null]> {
  const values = await tape.downloadOutput();
  const [steps, batchSize] = tape.outputShape;
  const output = batch.batchFirst ? toBatchFirst(values, steps, batchSize) : values;
  const weights = countedWeights(model.spec, batch);
  const loss = requireLoss(choice);
  if (!weights || loss.kind !== 'crossEntropy') return [output, batch, weights];
  const { ignoreIndex = -1 } = loss;
  const targets = Int32Array.from(batch.targets, (target, i) => (weights[i] === 0 ? ignoreIndex : target));
  return [output, { ...batch, targets }, weights];
}

/** Throws for a loss that is NaN or infinite: names the data or the first bad number of the pass. */
async function refuse(model: Model, tape: Tape, loss: number, batch: number): Promise<never> {
  tape.loss?.requireFinite?.();
  throw await notFiniteLoss(model.kernels, model.parameters, tape, loss, batch);
}
