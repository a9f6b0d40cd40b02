/** Valid calls of the exports of `unspool/distributed`, and of the methods of what they return. */
import * as distributed from '../../../dist/distributed/index.js';

const numbers = () => Float32Array.of(1, 2, 3);
const options = { timeout: 0.01 };
const alone = () => distributed.threadRank(distributed.threadRanks(1), 0, options);

const calls = {
  broadcast: () => [numbers(), 0],
  allReduce: () => [numbers(), 'sum'],
  allGather: () => [numbers(), numbers()],
  allToAll: () => [numbers(), numbers()],
  barrier: () => [],
  close: () => [],
};

export const distributedSubjects = {
  distributed: { args: () => [alone(), { shards: 4, same: { version: '1' } }], open: ['[1].same'] },
  mpiRank: { args: () => [{ timeout: 1, library: '/no/such/libmpi.so' }], fails: true },
  singleRank: { args: () => [] },
  threadRanks: { args: () => [2] },
  threadRank: { args: () => [distributed.threadRanks(2), 1, { ...options }] },
};

export const distributedObjects = {
  SingleRank: { make: () => distributed.singleRank(), methods: calls },
  ThreadRank: { make: alone, methods: calls },
};
