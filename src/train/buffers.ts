/** The memory of a training, except its tapes. `estimateMemory` runs this code too, so its figures are exact. */

import type { Kernels, Matrix } from '../contract/kernels.js';
import { Arena } from '../core/memory/parameters.js';
import { OptimizerRun } from '../optim/optimizer.js';
import type { Average } from './averaging.js';
import type { EarlyStopping } from './early-stopping.js';
import type { ReadyOptions } from './options.js';

/** The options of `fit` that decide what is allocated. */
export type BufferOptions = Pick<ReadyOptions, 'optimizer' | 'average' | 'earlyStopping'>;

export interface TrainingBuffers {
  readonly gradients: Arena;
  /** (1,1): the norm of the gradients. */
  readonly norm: Matrix;
  readonly optimizer: OptimizerRun;
  readonly average: Average | null;
  readonly earlyStopping: EarlyStopping | null;
}

/** Throws `OUT_OF_MEMORY`; `kernels` is a lease, which then frees what has been allocated. */
export type AllocateBuffers = (kernels: Kernels, parameters: Arena) => TrainingBuffers;

/** Loads the code that the options need, and returns what allocates the buffers. */
export async function bufferAllocation(options: BufferOptions): Promise<AllocateBuffers> {
  const averaging = options.average && (await import('./averaging.js'));
  const stopping = options.earlyStopping && (await import('./early-stopping.js'));
  return (kernels, parameters) => {
    const arena = (): Arena => new Arena(kernels, parameters.layout);
    return {
      gradients: arena(),
      norm: kernels.alloc(1, 1),
      optimizer: new OptimizerRun(kernels, options.optimizer, parameters),
      average: averaging ? new averaging.Average(kernels, options.average!, arena) : null,
      earlyStopping: stopping ? new stopping.EarlyStopping(kernels, options.earlyStopping!, arena) : null,
    };
  };
}
