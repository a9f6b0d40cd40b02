/** The memory of a training, except its tapes. `estimateMemory` runs this code too, so its figures are exact. */

import type { Kernels, Matrix } from '../contract/kernels.js';
import { Arena } from '../core/memory/parameters.js';
import { OptimizerRun } from '../optim/optimizer.js';
import { Average } from './averaging.js';
import { EarlyStopping } from './early-stopping.js';
import type { FitOptions } from './options.js';

/** The options of `fit` that decide what is allocated. */
export type BufferOptions = Pick<FitOptions, 'optimizer' | 'average' | 'earlyStopping'>;

export interface TrainingBuffers {
  readonly gradients: Arena;
  /** (1,1): the norm of the gradients. */
  readonly norm: Matrix;
  readonly optimizer: OptimizerRun;
  readonly average: Average | null;
  readonly earlyStopping: EarlyStopping | null;
  /** The weights in training, while the model holds their average or the best ones; null if it never holds others. */
  readonly trained: Arena | null;
}

/** Throws `OUT_OF_MEMORY`; `kernels` is a lease, which then frees what has been allocated. */
export function allocateBuffers(kernels: Kernels, parameters: Arena, options: BufferOptions): TrainingBuffers {
  const arena = (): Arena => new Arena(kernels, parameters.layout);
  const gradients = arena();
  const norm = kernels.alloc(1, 1);
  const optimizer = new OptimizerRun(kernels, options.optimizer, parameters);
  const average = options.average ? new Average(kernels, options.average, arena) : null;
  const earlyStopping = options.earlyStopping ? new EarlyStopping(kernels, options.earlyStopping, arena) : null;
  const trained = average || earlyStopping?.best ? arena() : null;
  return { gradients, norm, optimizer, average, earlyStopping, trained };
}
