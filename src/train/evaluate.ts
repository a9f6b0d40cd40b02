/** The mean loss over the batches of a source. */
import type { FloatArray } from '../contract/kernels.js';
import { batchWeight, lossShare } from '../core/batch.js';
import { type LossChoice, requireLoss } from '../core/losses.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import type { BatchSource } from '../data/source.js';
import { TapeCache } from './tape-cache.js';

/**
 * Returns the mean loss over all targets of a source, even for a loss that sums. A stateful source carries the state from
 * batch to batch. `watch` receives the output of each batch, row by row, for other metrics.
 */
export async function evaluate(
  model: Model,
  source: BatchSource,
  loss?: LossChoice,
  watch?: (output: FloatArray, batch: Batch) => void,
): Promise<number> {
  const tapes = new TapeCache(model, { gradients: false });
  let last: Tape | null = null;
  let sum = 0;
  let count = 0;
  try {
    for (let i = 0; i < source.length; i++) {
      const batch = source.batch(i);
      await model.prepare(batch);
      const tape = tapes.take(batch);
      const spec = requireLoss(loss ?? defaultLoss(batch));
      const weight = batchWeight(model.spec, batch, spec);
      const result = await model.evaluate(batch, { tape, from: source.stateful ? last : null, loss: spec });
      sum += lossShare(spec, result.loss, weight);
      count += weight;
      if (watch) watch(await model.kernels.download(tape.layers.at(-1)!.y), batch);
      last = tape;
    }
  } finally {
    tapes.free();
  }
  return sum / count;
}
