/** What the parts of a training share. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Model } from '../core/model.js';
import type { OptimizerRun } from '../optim/optimizer.js';
import type { Average } from './averaging.js';
import type { EarlyStopping } from './early-stopping.js';
import type { gradientNoise } from './gradient-noise.js';
import type { ReadyOptions } from './options.js';

/** The memory of a training, except its tapes. */
export interface TrainingBuffers {
  readonly gradients: Arena;
  /** (1,1): the norm of the gradients. */
  readonly norm: Matrix;
  readonly optimizer: OptimizerRun;
  readonly average: Average | null;
  readonly earlyStopping: EarlyStopping | null;
}

/** What all updates of a training share. */
export interface UpdateContext {
  readonly model: Model;
  readonly kernels: Kernels;
  readonly buffers: TrainingBuffers;
  readonly options: ReadyOptions;
  readonly seed: number;
  /** Adds gradient noise; null without it. */
  readonly addNoise: ReturnType<typeof gradientNoise> | null;
  /** Whether the optimizer can make weights NaN although the gradients are finite. */
  readonly isRisky: boolean;
}
