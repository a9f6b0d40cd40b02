/** The gradient of a training whose batches are cut into shards, on one rank or several. */
import { createRequire } from 'node:module';
import { type Communicator, type DistributedGradient, distributed, singleRank } from '../../distributed/index.js';
import { UsageError } from '../command.js';
import type { TrainSettings } from './settings.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** The gradient of a training with shards, on one rank or several that have the same `arithmetic`. `signal` ends it on all. */
export function shardedGradient(
  { shards, estimator }: TrainSettings,
  signal?: AbortSignal,
  { ranks = singleRank(), arithmetic = '' }: { readonly ranks?: Communicator; readonly arithmetic?: string } = {},
): DistributedGradient {
  if (estimator !== 'bptt') {
    throw new UsageError('--estimator cannot be combined with --shards or --distributed: shards have BPTT only.');
  }
  const versions = { 'the version of Unspool': version, 'the version of Node': process.version };
  const same = { ...versions, 'the arithmetic': arithmetic };
  return distributed(ranks, { shards, same, ...(signal && { signal }) });
}
