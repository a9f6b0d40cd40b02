/** The validation loss, computed by all ranks: each validates some of the data, and all add the same numbers in the same order. */
import { requireBatch } from '../core/batch.js';
import type { LossChoice } from '../core/losses.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import type { BatchSource } from '../data/source.js';
import { type BatchLoss, lossesOf, meanLoss } from '../train/evaluate.js';
import { exchangeReports } from './agreement.js';
import type { Communicator } from './communicator.js';
import { inRows, sequencesOf } from './rows.js';
import { inOrder, mostParts, partOf } from './shards.js';

/**
 * The mean loss over all targets of a source, on all ranks. The batches of a source are shared out if it is not stateful. Otherwise each
 * batch continues the one before, so that the sequences are shared out, shard by shard. The bits do not depend on the number of ranks.
 */
export async function validateOnRanks(
  communicator: Communicator,
  shards: number,
  {
    model,
    source,
    loss,
  }: { readonly model: Model; readonly source: BatchSource; readonly loss?: LossChoice | undefined },
): Promise<number> {
  const { size, rank } = communicator;
  const units = source.stateful ? shards : source.length;
  const own = new Float64Array(2 * mostParts(units, size));
  let error: unknown = null;
  try {
    const [from, to] = partOf(units, size, rank);
    let at = 0;
    const add = ({ share, weight }: BatchLoss) => own.set([share, weight], 2 * at++);
    if (!source.stateful) for await (const one of lossesOf(model, source, loss, { from, to })) add(one);
    else for (let shard = from; shard < to; shard++) add(await sumOfShard(model, source, loss, { shard, shards }));
  } catch (thrown) {
    error = thrown;
  }
  const { numbers } = await exchangeReports(communicator, { error, isStopping: false, same: {}, numbers: [...own] });
  const all = inOrder(numbers, units, size, 2);
  return meanLoss(Array.from({ length: units }, (_, i) => ({ share: all[2 * i]!, weight: all[2 * i + 1]! })));
}

/** The sum of the losses of the sequences of a shard over all batches. */
async function sumOfShard(
  model: Model,
  source: BatchSource,
  choice: LossChoice | undefined,
  { shard, shards }: { readonly shard: number; readonly shards: number },
): Promise<BatchLoss> {
  let rows: readonly [from: number, to: number] = [0, 0];
  const cut = (batch: Batch): Batch => {
    const loss = choice ?? defaultLoss(batch);
    requireBatch(model, batch, loss);
    rows = partOf(batch.batchSize, shards, shard);
    return sequencesOf(batch, model.spec, loss, ...rows);
  };
  let [share, weight] = [0, 0];
  const [first, end] = partOf(source.batch(0).batchSize, shards, shard);
  if (first === end) return { share, weight };
  const part: BatchSource = { stateful: true, length: source.length, batch: (i) => cut(source.batch(i)) };
  try {
    for await (const one of lossesOf(model, part, choice)) {
      share += one.share;
      weight += one.weight;
    }
  } catch (error) {
    throw inRows(error, ...rows);
  }
  return { share, weight };
}
