/** The options of a training, its events, and its state in a checkpoint. */

import { requireFunction, requireInteger, requireKeys, requireNumber, requireSignal } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { type LossChoice, requireLoss } from '../core/losses.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Batch, Model, PassOptions } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import { invalidSetting, type UnspoolError } from '../errors.js';
import {
  copyOfOptimizerChoice,
  copyOfScheduleChoice,
  isWatching,
  type OptimizerChoice,
  type ScheduleChoice,
} from '../optim/choice.js';
import { jsonCopy, type Optimizer } from '../optim/optimizer.js';
import type { Resumable, Schedule } from '../optim/schedule.js';
import type { TrainingProgress } from './progress.js';
import { type AverageSpec, copyOfAverage, copyOfEarlyStopping, type EarlyStoppingSpec } from './specs.js';

/** Batches to train on, and optionally to validate on. */
export interface TrainingData {
  readonly train: BatchSource;
  readonly validation?: BatchSource | null;
}

/**
 * Computes the gradient of a batch's mean loss. It overwrites `gradients`, and leaves the final states on the tape. The
 * options are those of `model.gradients`. `weight`, by default that of the batch, is the weight of the loss in the mean of the epoch.
 */
export interface GradientFunction extends Partial<Resumable> {
  /** Identifies the method and its settings in checkpoints. */
  readonly method?: string;
  /** Whether it uses nothing of the tape but the first and the last state. The tape then has one step, whatever the batch has. */
  readonly readsStates?: boolean;
  /** Called before the first update of a loop over the events. */
  begin?(start: TrainingStart): void;
  /** The mean loss on the validation data. Default: `evaluate`. */
  evaluate?(model: Model, source: BatchSource, loss?: LossChoice): Promise<number>;
  /** Called when a loop over the events ends: frees memory. */
  dispose?(): void;
  (
    model: Model,
    batch: Batch,
    options: PassOptions & { readonly tape: Tape; readonly gradients: Arena },
  ): Promise<{ readonly loss: number; readonly weight?: number }>;
}

/** What the updates of a loop start from. */
export interface TrainingStart extends Pick<TrainingState, 'update' | 'observed'> {
  readonly settings: TrainingSettings;
  /** The parameters, the optimizer's state, and the weights that the training keeps, on the backend. */
  readonly arenas: readonly Arena[];
}

/** What `fit` needs of an `AbortSignal`; declared here so that the types need no DOM library. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The options of `fit`. */
export interface FitOptions {
  /** An optimizer, its name, or its name and settings: `adam()`, `'adam'` or `{ kind: 'adam', learningRate: 0.01 }`. */
  readonly optimizer: OptimizerChoice;
  /** Computes the gradients. Default: `model.gradients`, full BPTT over the batch. See `estimatorGradient` of unspool/lab. */
  readonly gradient?: GradientFunction;
  /** Default: `crossEntropy` for an `Int32Array` of targets, else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /**
   * Changes the learning rate over the planned updates or with the validation loss: a schedule, its name, or
   * its name and settings, such as `'cosine'`. Default: constant.
   */
  readonly schedule?: ScheduleChoice;
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
  readonly signal?: StopSignal;
}

/** The options of a training whose named optimizer and schedule have been created. */
export interface ReadyOptions extends Omit<FitOptions, 'optimizer' | 'schedule'> {
  readonly optimizer: Optimizer;
  readonly schedule?: Schedule;
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
  /** Mean loss over the targets of an epoch's batches, each before its update. */
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
  /**
   * What decides the rest of the training: model, data and options, as JSON by name. Resuming with others is rejected, except
   * for an entry that is removed. States of Unspool 0.1 do not have it.
   */
  readonly settings?: TrainingSettings;
}

/** See `TrainingState.settings`. */
export type TrainingSettings = Readonly<Record<string, unknown>>;

/** The number of updates planned in total. */
export function plannedUpdates({ train }: TrainingData, { epochs = 1, maxUpdates }: FitOptions): number {
  return Math.min(train.length * epochs, maxUpdates ?? Number.POSITIVE_INFINITY);
}

const MAX = Number.MAX_SAFE_INTEGER;
const INFINITY = Number.POSITIVE_INFINITY;

/** What checks and copies an option; options are checked in this order. */
const OPTIONS: { readonly [K in keyof Required<FitOptions>]: (value: unknown) => unknown } = {
  optimizer: (value) => copyOfOptimizerChoice('optimizer', value as OptimizerChoice),
  gradient(value) {
    requireFunction('gradient', value);
    return value;
  },
  loss: (value) => jsonCopy('loss', requireLoss(value as LossChoice)),
  schedule: (value) => copyOfScheduleChoice('schedule', value as ScheduleChoice),
  epochs: integer('epochs', 1),
  maxUpdates: integer('maxUpdates', 1),
  clipNorm: number('clipNorm'),
  clipValue: number('clipValue'),
  gradientNoise(value) {
    requireKeys('gradientNoise', value, ['eta', 'gamma']);
    const { eta, gamma = 0.55 } = value as { readonly eta: number; readonly gamma?: number };
    requireNumber('gradientNoise.eta', eta, 0, INFINITY);
    requireNumber('gradientNoise.gamma', gamma, 0, 10);
    return { eta, gamma };
  },
  average: (value) => copyOfAverage(value as AverageSpec),
  earlyStopping: (value) => copyOfEarlyStopping(value as EarlyStoppingSpec),
  validateEvery: integer('validateEvery', 1),
  seed: integer('seed', 0),
  signal(value) {
    requireSignal('signal', value);
    return value;
  },
};

function integer(path: string, min: number): (value: unknown) => unknown {
  return (value) => {
    requireInteger(path, value, min, MAX);
    return value;
  };
}

function number(path: string): (value: unknown) => unknown {
  return (value) => {
    requireNumber(path, value, Number.MIN_VALUE, INFINITY);
    return value;
  };
}

/** Copies of the options of `fit` that later changes do not reach. Throws `INVALID_SETTING`. */
export function copyOfOptions(options: FitOptions): FitOptions {
  requireKeys('options', options, Object.keys(OPTIONS));
  const copy: Record<string, unknown> = {};
  for (const [key, read] of Object.entries(OPTIONS)) {
    const value = options[key as keyof FitOptions];
    if (value !== undefined || key === 'optimizer') copy[key] = read(value);
  }
  return copy as unknown as FitOptions;
}

/** The data as they are now, checked. Throws `INVALID_SETTING` and `INVALID_DATA`. */
export function copyOfData(data: TrainingData, options: FitOptions): TrainingData {
  requireKeys('data', data, ['train', 'validation', 'vocabulary']); // a text has a vocabulary, too
  const train = copyOfSource('train', data.train, true);
  const validation = data.validation == null ? null : copyOfSource('validation', data.validation, false);
  const needs = watcherIn(options);
  if (needs === null || validation) return { train, validation };
  throw invalidSetting(needs, 'needs validation data.', 'Pass validation data, or remove the option.');
}

/** The option that depends on the validation loss, if there is one. */
export function watcherIn({ earlyStopping, average, schedule }: FitOptions): string | null {
  if (earlyStopping) return 'earlyStopping';
  if (average?.kind === 'polyak' && average.patience !== undefined) return 'average.patience';
  return isWatching(schedule) ? 'schedule' : null;
}

/** What an iteration of a training throws while its model is in another loop. */
export const loopIsRunning = (isSame: boolean): UnspoolError =>
  invalidSetting(
    'fit',
    isSame ? 'this training is already being iterated.' : 'another training of this model is running.',
    'Leave the loop over its events first (break or a signal), or dispose() of it.',
  );
