/** What a training is told, what it tells, and what a checkpoint of it holds. */

import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Batch, Model, PassOptions } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import type { BatchSource } from '../data/source.js';
import { invalidSetting, requireInteger, requireNumber } from '../errors.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { Resumable, Schedule } from '../optim/schedule.js';
import { type AverageSpec, requireAverage } from './averaging.js';
import { type EarlyStoppingSpec, requireEarlyStopping } from './early-stopping.js';
import type { TrainingProgress } from './progress.js';

export interface TrainingData {
  readonly train: BatchSource;
  readonly validation?: BatchSource | null;
}

/**
 * How the gradient of a batch's mean loss is made: written to `gradients` (which holds whatever it held), the state that the rows end
 * with to the tape. Settings are those of `model.gradients`.
 */
export interface GradientFunction extends Partial<Resumable> {
  (
    model: Model,
    batch: Batch,
    options: PassOptions & { readonly tape: Tape; readonly gradients: Arena },
  ): Promise<{ readonly loss: number }>;
}

export interface FitOptions {
  readonly optimizer: Optimizer;
  /** Default: `model.gradients`, back through the whole batch. `estimatorGradient(...)` of unspool/lab makes others. */
  readonly gradient?: GradientFunction;
  /** Default as in `model.gradients`: `crossEntropy` before class targets, else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** How the learning rate changes over the planned updates, or with the held-out loss. Default: not at all. */
  readonly schedule?: Schedule;
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Stop after this many updates, counted from the very first. Default: when the epochs are done. */
  readonly maxUpdates?: number;
  /** Scale the gradient down where its norm is over this. Default: never. */
  readonly clipNorm?: number;
  /** Cut every element of the gradient to [-clipValue, clipValue], before `clipNorm`. Default: never. */
  readonly clipValue?: number;
  /** Add N(0, eta / (1 + step)^gamma) to every element of the gradient, before clipping (Neelakantan et al. 2015). Default: none. */
  readonly gradientNoise?: { readonly eta: number; readonly gamma?: number };
  /** Measure, and end with, an average of the weights. Default: the weights themselves. */
  readonly average?: AverageSpec;
  /** End when the held-out loss no longer falls. Needs held-out data. Default: when the epochs are done. */
  readonly earlyStopping?: EarlyStoppingSpec;
  /** Measure the held-out loss every so many updates, besides the end of each epoch. Default: never besides. */
  readonly validateEvery?: number;
  /** Order of the data, and what is dropped. Default: the model's seed. */
  readonly seed?: number;
  /** Ends the training after the update that is under way. */
  readonly signal?: AbortSignal;
}

export type TrainingEvent =
  | {
      readonly kind: 'update';
      /** From 1. */
      readonly epoch: number;
      /** Updates made so far. */
      readonly update: number;
      /** Updates planned in all. */
      readonly updates: number;
      /** Mean loss of the batch before the update. */
      readonly loss: number;
      /** Norm of the gradient before clipping by norm (and after clipping by value, if both are asked for). */
      readonly gradientNorm: number;
      /** Time steps times rows of the batch. */
      readonly count: number;
    }
  /** Mean loss over the held-out data. */
  | { readonly kind: 'validation'; readonly epoch: number; readonly update: number; readonly loss: number }
  /** Mean of the batch losses of one epoch. */
  | { readonly kind: 'epoch'; readonly epoch: number; readonly update: number; readonly loss: number }
  | { readonly kind: 'end'; readonly reason: 'finished' | 'aborted' | 'stoppedEarly'; readonly update: number };

/** Everything that a training needs to continue bit for bit, with the same model, data and options. */
export interface TrainingState extends TrainingProgress {
  /**
   * Optimizer state, such as Adam's `m` and `v`: all numbers of each by name. Also the weights that the training keeps:
   * `average`, `best`, and `weights`, those in training, after the model has received another result.
   */
  readonly optimizer: ReadonlyMap<string, FloatArray>;
  /** What the schedule, the gradient estimator, the average and early stopping have observed. */
  readonly observed: Readonly<
    Partial<Record<'schedule' | 'gradient' | 'average' | 'earlyStopping', readonly number[]>>
  >;
  /** Carried state of each LSTM layer, bottom first, [N, H] each; null if none is carried. */
  readonly carried: readonly { readonly h: FloatArray; readonly c: FloatArray }[] | null;
}

/** Updates planned in all. */
export function plannedUpdates({ train }: TrainingData, { epochs = 1, maxUpdates }: FitOptions): number {
  return Math.min(train.length * epochs, maxUpdates ?? Number.POSITIVE_INFINITY);
}

/** Throws `INVALID_SETTING`. */
export function requireOptions(options: FitOptions, data: TrainingData): void {
  const { epochs, maxUpdates, clipNorm, clipValue, validateEvery, gradientNoise, average, earlyStopping } = options;
  if (epochs !== undefined) requireInteger('epochs', epochs, 1, Number.MAX_SAFE_INTEGER);
  if (maxUpdates !== undefined) requireInteger('maxUpdates', maxUpdates, 1, Number.MAX_SAFE_INTEGER);
  if (validateEvery !== undefined) requireInteger('validateEvery', validateEvery, 1, Number.MAX_SAFE_INTEGER);
  if (clipNorm !== undefined) requireNumber('clipNorm', clipNorm, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (clipValue !== undefined) requireNumber('clipValue', clipValue, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (gradientNoise) {
    requireNumber('gradientNoise.eta', gradientNoise.eta, 0, Number.POSITIVE_INFINITY);
    requireNumber('gradientNoise.gamma', gradientNoise.gamma ?? 0.55, 0, 10);
  }
  if (average) requireAverage(average);
  if (earlyStopping) requireEarlyStopping(earlyStopping);
  const needs = earlyStopping
    ? 'earlyStopping'
    : average?.kind === 'polyak' && average.patience !== undefined
      ? 'average.patience'
      : typeof options.schedule === 'object'
        ? 'schedule'
        : null;
  if (needs === null || data.validation) return;
  const help = 'Give some, or leave the setting out.';
  throw invalidSetting(needs, 'needs held-out data to watch.', help);
}
