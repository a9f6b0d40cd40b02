/** The memory that a training keeps beside its tapes: one place, so that what is told of it (memory.ts) is what it is. */

import type { Kernels, Matrix } from '../contract/kernels.js';
import { Arena } from '../core/memory/parameters.js';
import { OptimizerRun } from '../optim/optimizer.js';
import { Average } from './averaging.js';
import { EarlyStopping } from './early-stopping.js';
import type { FitOptions, TrainingState } from './options.js';

type Memory = NonNullable<TrainingState['observed']>;

/** What of `fit`'s options takes memory. */
export type TrainingMemory = Pick<FitOptions, 'optimizer' | 'average' | 'earlyStopping'>;

export interface TrainingRoom {
  readonly gradients: Arena;
  /** (1,1): the norm of the gradients. */
  readonly norm: Matrix;
  readonly optimizer: OptimizerRun;
  readonly average: Average | null;
  readonly stopping: EarlyStopping | null;
}

/** Throws `OUT_OF_MEMORY`; `kernels` is a lease, which gives back what there was until then. */
export function trainingRoom(kernels: Kernels, parameters: Arena, options: TrainingMemory): TrainingRoom {
  const { optimizer, average, earlyStopping } = options;
  const arena = (): Arena => new Arena(kernels, parameters.layout);
  return {
    gradients: arena(),
    norm: kernels.alloc(1, 1),
    optimizer: new OptimizerRun(kernels, optimizer, parameters),
    average: average ? new Average(kernels, average, arena) : null,
    stopping: earlyStopping ? new EarlyStopping(kernels, earlyStopping, arena) : null,
  };
}

/** What a checkpoint keeps in the layout of the parameters. `settled`: the model holds what the training ends with. */
export function arenasOf(
  { optimizer, average, stopping, gradients }: TrainingRoom,
  settled: boolean,
): Map<string, Arena> {
  const all = new Map(optimizer.state);
  if (average) all.set('average', average.weights);
  if (stopping?.best) all.set('best', stopping.best);
  // Once it has settled: those that were trained. The gradients' room is free for them by then.
  if (settled && (average?.isUsed || stopping?.best)) all.set('weights', gradients);
  return all;
}

/** What of `fit`'s options goes on from what it has seen. */
type Seeing = Pick<FitOptions, 'schedule' | 'gradient'>;

/** What the schedule, the estimator, the average and the early stopping have seen. */
export function memoryOf({ average, stopping }: TrainingRoom, { schedule, gradient }: Seeing): Memory {
  const learned = gradient?.observed ?? []; // a copy each time it is asked for
  return {
    ...(typeof schedule === 'object' ? { schedule: schedule.observed } : {}),
    ...(learned.length > 0 ? { gradient: learned } : {}),
    ...(average ? { average: average.memory } : {}),
    ...(stopping ? { stopping: stopping.memory } : {}),
  };
}

/** The other way round. */
export function remember(room: TrainingRoom, { schedule, gradient }: Seeing, memory: Memory = {}): void {
  if (memory.gradient) gradient?.restore?.(memory.gradient);
  if (typeof schedule === 'object' && memory.schedule) schedule.restore(memory.schedule);
  if (memory.average) room.average?.restore(memory.average);
  if (memory.stopping) room.stopping?.restore(memory.stopping);
}
