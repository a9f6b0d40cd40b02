/** The mean loss over the batches of a source. */
import { requireFunction } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { lossShare } from '../core/batch.js';
import { type LossChoice, requireLoss } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import { invalidData } from '../errors.js';
import { inBatch, takeBatch } from './take-batch.js';
import { TapeCache } from './tape-cache.js';

/**
 * Returns the mean loss over all targets of a source, even for a loss that sums. A stateful source carries the state from
 * batch to batch. `watch` receives the output of each batch, row by row, for other metrics. Throws `INVALID_DATA`, and
 * `NOT_FINITE` for a loss that is NaN or infinite, with the number of the batch.
 */
export async function evaluate(
  model: Model,
  source: BatchSource,
  loss?: LossChoice,
  watch?: (output: FloatArray, batch: Batch) => void,
): Promise<number> {
  const data = copyOfSource('source', source, false);
  if (watch !== undefined) requireFunction('watch', watch);
  const tapes = new TapeCache(model, { gradients: false });
  let last: Tape | null = null;
  let sum = 0;
  let count = 0;
  try {
    for (let i = 0; i < data.length; i++) {
      const taken = takeBatch(model, data, i, loss);
      const { batch, loss: choice, weight } = taken instanceof Promise ? await taken : taken;
      const tape = tapes.take(batch);
      try {
        const result = await model.evaluate(batch, { tape, from: data.stateful ? last : null, loss: choice });
        if (weight > 0 && !Number.isFinite(result.loss)) await refuse(model, tape, result.loss, i);
        sum += lossShare(requireLoss(choice), result.loss, weight);
      } catch (error) {
        throw inBatch(error, i);
      }
      count += weight;
      if (watch) watch(await model.kernels.download(tape.layers.at(-1)!.y), batch);
      last = tape;
    }
  } finally {
    tapes.free();
  }
  if (count > 0) return sum / count;
  throw invalidData('source', 'has no target that counts: all are ignored or have weight 0.');
}

/** Throws for a loss that is NaN or infinite: names the data or the first bad number of the pass. */
async function refuse(model: Model, tape: Tape, loss: number, batch: number): Promise<never> {
  tape.loss?.requireFinite?.();
  const { notFiniteLoss } = await import('./not-finite.js');
  throw await notFiniteLoss(model.kernels, model.parameters, tape, loss, batch);
}
