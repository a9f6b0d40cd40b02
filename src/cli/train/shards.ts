/** The gradient of a training whose batches are cut into shards, on one rank or several. */
import { type Communicator, type DistributedGradient, distributed, singleRank } from '../../distributed/index.js';
import { UsageError } from '../command.js';
import { RANK_VERSIONS } from '../version.js';
import type { TrainSettings } from './settings.js';

/** The gradient of a training with shards, on one rank or several that have the same `arithmetic`. `signal` ends it on all. */
export function shardedGradient(
  { shards, estimator }: TrainSettings,
  signal?: AbortSignal,
  { ranks = singleRank(), arithmetic = '' }: { readonly ranks?: Communicator; readonly arithmetic?: string } = {},
): DistributedGradient {
  if (estimator !== 'bptt') {
    throw new UsageError('--estimator cannot be combined with --shards or --distributed: shards have BPTT only.');
  }
  const same = { ...RANK_VERSIONS, 'the arithmetic': arithmetic };
  return distributed(ranks, { shards, same, ...(signal && { signal }) });
}
