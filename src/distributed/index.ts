/** Training on several machines or threads (`unspool/distributed`), with the same bits on any number of ranks. */
export type { Communicator, Exchangeable, Reduction } from './communicator.js';
export { singleRank } from './communicator.js';
export { type DistributedGradient, type DistributedOptions, distributed } from './gradient.js';
export { type MpiOptions, mpiRank } from './mpi.js';
export { type RankOptions, type ThreadRanks, threadRank, threadRanks } from './threads.js';
