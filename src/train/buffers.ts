/** The memory of a training, except its tapes. `estimateMemory` runs this code too, so its figures are exact. */

import type { Kernels } from '../contract/kernels.js';
import { Arena } from '../core/memory/parameters.js';
import { OptimizerRun } from '../optim/optimizer.js';
import type { TrainingBuffers } from './context.js';
import { loadMore } from './load-more.js';
import type { ReadyOptions } from './options.js';

/** The options of `fit` that decide what is allocated. */
export type BufferOptions = Pick<ReadyOptions, 'optimizer' | 'average' | 'earlyStopping'>;

/** Throws `OUT_OF_MEMORY`; `kernels` is a lease, which then frees what has been allocated. */
export type AllocateBuffers = (kernels: Kernels, parameters: Arena) => TrainingBuffers;

/** Loads the code that the options need, and returns what allocates the buffers. */
export async function bufferAllocation(options: BufferOptions): Promise<AllocateBuffers> {
  const more = options.average || options.earlyStopping ? await loadMore() : null;
  return (kernels, parameters) => {
    const arena = (): Arena => new Arena(kernels, parameters.layout);
    return {
      gradients: arena(),
      norm: kernels.alloc(1, 1),
      optimizer: new OptimizerRun(kernels, options.optimizer, parameters),
      average: options.average ? new more!.Average(kernels, options.average, arena) : null,
      earlyStopping: options.earlyStopping ? new more!.EarlyStopping(kernels, options.earlyStopping, arena) : null,
    };
  };
}
