/** Several ranks in this thread, each with its own model. */
import type { FloatArray } from '../../src/contract/kernels.js';
import type { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { Communicator } from '../../src/distributed/communicator.js';
import { singleRank } from '../../src/distributed/communicator.js';
import { type DistributedOptions, distributed } from '../../src/distributed/gradient.js';
import { threadRank, threadRanks } from '../../src/distributed/threads.js';
import { adam } from '../../src/optim/adam.js';
import { accumulate } from '../../src/train/accumulate.js';
import {
  type FitOptions,
  fit,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from '../../src/train/trainer.js';
import { clone, collect, newModel, values } from '../train/fit-support.js';

/** What one rank ends with. */
export interface Trained {
  readonly model: Model;
  readonly events: readonly TrainingEvent[];
  readonly weights: FloatArray;
  readonly state: TrainingState;
}

/** A training that every rank runs in the same way. */
export interface Setup {
  readonly spec: ModelSpec;
  readonly data: () => TrainingData;
  readonly options?: Partial<FitOptions>;
  readonly distributed?: DistributedOptions;
  readonly from?: { readonly model: Model; readonly state: TrainingState };
  readonly precision?: 'float32' | 'float64';
  /** Batches of one update. */
  readonly accumulate?: number;
}

/** Runs `act` on every rank of a group, all in this thread. */
export function onRanks<T>(size: number, act: (communicator: Communicator) => Promise<T>): Promise<T[]> {
  if (size === 1) return Promise.all([act(singleRank())]);
  const ranks = threadRanks(size);
  const each = Array.from({ length: size }, async (_, rank) => {
    const communicator = threadRank(ranks, rank, { timeout: 20 });
    try {
      return await act(communicator);
    } finally {
      await communicator.close();
    }
  });
  return Promise.all(each);
}

export const OPTIONS: Partial<FitOptions> = { clipNorm: 0.5, epochs: 1 };

/** The training on one rank of a group. */
export async function trainOn(
  communicator: Communicator,
  setup: Setup,
  gradient = distributed(communicator, setup.distributed),
): Promise<Trained> {
  const { spec, from, precision = 'float32' } = setup;
  const model = from ? await clone(from.model) : newModel(spec, precision);
  const data = setup.data();
  const whole = { train: data.train, gradient };
  const { train, ...parts } = setup.accumulate ? accumulate(data.train, setup.accumulate, gradient) : whole;
  const options = { optimizer: adam({ learningRate: 0.01 }), ...OPTIONS, ...parts, signal: gradient.signal };
  const training = fit(model, { ...data, train }, { ...options, ...setup.options }, from?.state);
  const events = await collect(training);
  return { model, events, weights: await values(model), state: await training.checkpoint() };
}

/** The training on all ranks of a group. */
export const train = (size: number, setup: Setup): Promise<Trained[]> =>
  onRanks(size, (communicator) => trainOn(communicator, setup));
