/** The options of a training, its events, and its state in a checkpoint. */

import { requireInteger, requireNumber } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Batch, Model, PassOptions } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import type { BatchSource } from '../data/source.js';
import { invalidSetting } from '../errors.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { Resumable, Schedule } from '../optim/schedule.js';
import { type AverageSpec, requireAverage } from './averaging.js';
import { type EarlyStoppingSpec, requireEarlyStopping } from './early-stopping.js';
import type { TrainingProgress } from './progress.js';

/** Batches to train on, and optionally to validate on. */
export interface TrainingData {
  readonly train: BatchSource;
  readonly validation?: BatchSource | null;
}

/**
 * Computes the gradient of a batch's mean loss. It overwrites `gradients`, and leaves the final states on the tape. The
 * options are those of `model.gradients`.
 */
export interface GradientFunction extends Partial<Resumable> {
  (
    model: Model,
    batch: Batch,
    options: PassOptions & { readonly tape: Tape; readonly gradients: Arena },
  ): Promise<{ readonly loss: number }>;
}

/** The options of `fit`. */
export interface FitOptions {
  readonly optimizer: Optimizer;
  /** Computes the gradients. Default: `model.gradients`, full BPTT over the batch. See `estimatorGradient` of unspool/lab. */
  readonly gradient?: GradientFunction;
  /** Default: `crossEntropy` for an `Int32Array` of targets, else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** Changes the learning rate over the planned updates or with the validation loss. Default: constant. */
  readonly schedule?: Schedule;
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Ends the training after this many updates, including those before a resume. Default: no limit. */
  readonly maxUpdates?: number;
  /** Scales the gradient down to this norm if its norm is larger. Default: no limit. */
  readonly clipNorm?: number;
  /** Clips every element of the gradient to [-clipValue, clipValue], before `clipNorm`. Default: no limit. */
  readonly clipValue?: number;
  /** Adds N(0, eta / (1 + t)^gamma), t previous updates, to the gradient before clipping (Neelakantan et al. 2015). */
  readonly gradientNoise?: { readonly eta: number; readonly gamma?: number };
  /** Validates and ends with an average of the weights. Default: the weights themselves. */
  readonly average?: AverageSpec;
  /** Ends the training when the validation loss stops improving. Needs validation data. */
  readonly earlyStopping?: EarlyStoppingSpec;
  /** Validates every so many updates, in addition to the end of each epoch. */
  readonly validateEvery?: number;
  /** Determines the order of the data, dropout masks and gradient noise. Default: the model's seed. */
  readonly seed?: number;
  /** Ends the training after the current update. */
  readonly signal?: AbortSignal;
}

/** What a training reports. */
export type TrainingEvent =
  | {
      readonly kind: 'update';
      /** The epoch, from 1. */
      readonly epoch: number;
      /** Updates made so far. */
      readonly update: number;
      /** Updates planned in total. */
      readonly updates: number;
      /** Mean loss of the batch before the update. */
      readonly loss: number;
      /** Norm of the gradient, after `clipValue` and before `clipNorm`. */
      readonly gradientNorm: number;
      /** Time steps times sequences of the batch. */
      readonly count: number;
    }
  /** Mean loss over the validation data. */
  | { readonly kind: 'validation'; readonly epoch: number; readonly update: number; readonly loss: number }
  /** Mean of the batch losses of an epoch. */
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

/** The number of updates planned in total. */
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
  const help = 'Pass validation data, or remove the option.';
  throw invalidSetting(needs, 'needs validation data.', help);
}
