/** Trains the models of a task: one per seed, each with the best weights on the validation part. */
import { isFunction, isObject, requireInteger, requireKeys, requireNumber, shown } from '../checks.js';
import type { LossSpec } from '../core/losses.js';
import type { Model } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import { createModel } from '../create.js';
import type { BatchSource } from '../data/source.js';
import { invalidSetting } from '../errors.js';
import type { BackendOptions } from '../kernels/select.js';
import { type FitOptions, fit, type Training, type TrainingEvent, type TrainingState } from '../train/trainer.js';
import { DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE } from './defaults.js';

/** How the models of a task are trained. */
export interface TrainTaskOptions {
  /** One model is trained for each seed; several are an ensemble. Default [1]. */
  readonly seeds?: readonly number[];
  /** Passes over the training part. Default 20. */
  readonly epochs?: number;
  /** Learning rate of Adam, which a half cosine lowers to 0. Default 0.005. */
  readonly learningRate?: number;
  /** Ends the training after so many epochs without a better validation loss. Default: no early end. */
  readonly patience?: number;
  /** Other options of `fit`, which replace those above. */
  readonly fit?: Partial<FitOptions>;
  /** Where the models compute. Default: WebAssembly. */
  readonly backend?: BackendOptions;
  /** Is called with each event of a training and its seed, and waited for. */
  onEvent?(event: TrainingEvent, seed: number): unknown;
}

const TRAIN_KEYS = ['seeds', 'epochs', 'learningRate', 'patience', 'fit', 'backend', 'onEvent'];

/** What a task trains on. */
export interface TaskData {
  readonly train: BatchSource;
  readonly validation: BatchSource | null;
  readonly loss: LossSpec;
  spec(sizes: object): ModelSpec;
}

function requireTraining(options: TrainTaskOptions, sizeKeys: readonly string[]): void {
  requireKeys('options', options, [...sizeKeys.filter((key) => key !== 'seed'), ...TRAIN_KEYS]);
  const { seeds = [1], onEvent, patience, epochs = DEFAULT_EPOCHS, learningRate = DEFAULT_LEARNING_RATE } = options;
  if (!Array.isArray(seeds) || seeds.length === 0) {
    throw invalidSetting('options.seeds', `must be a list of seeds, got ${shown(seeds)}.`);
  }
  seeds.forEach((seed, i) => {
    requireInteger(`options.seeds[${i}]`, seed, 0, Number.MAX_SAFE_INTEGER);
  });
  requireInteger('options.epochs', epochs, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('options.learningRate', learningRate, 0, Number.MAX_VALUE);
  if (patience !== undefined) requireInteger('options.patience', patience, 1, Number.MAX_SAFE_INTEGER);
  if (options.fit !== undefined && !isObject(options.fit)) {
    throw invalidSetting('options.fit', `must be an object, got ${shown(options.fit)}.`);
  }
  if (onEvent !== undefined && !isFunction(onEvent)) {
    throw invalidSetting('options.onEvent', `must be a function, got ${shown(onEvent)}.`);
  }
}

function fitOptionsOf(data: TaskData, options: TrainTaskOptions, seed: number): FitOptions {
  const { epochs = DEFAULT_EPOCHS, learningRate = DEFAULT_LEARNING_RATE, patience } = options;
  return {
    optimizer: { kind: 'adam', learningRate },
    schedule: 'cosine',
    loss: data.loss,
    epochs,
    clipNorm: 1,
    seed,
    // Without `patience`, the training runs to its end and then restores the best weights.
    ...(data.validation && { earlyStopping: { patience: patience ?? epochs } }),
    ...options.fit,
  };
}

/** The sizes of the model among the options of a training. */
export const sizesOf = (options: TrainTaskOptions, sizeKeys: readonly string[]): object =>
  Object.fromEntries(Object.entries(options).filter(([key]) => sizeKeys.includes(key)));

/** Trains one model, or continues its training. The caller iterates over the events. */
export function fitTask(
  model: Model,
  data: TaskData,
  { seed, resume, ...options }: TrainTaskOptions & { readonly seed: number; readonly resume?: TrainingState },
): Training {
  const { train, validation } = data;
  return fit(model, { train, validation }, fitOptionsOf(data, options, seed), resume);
}

/** Trains one model per seed. Throws `INVALID_SETTING` for options that cannot work; models of a failed training are freed. */
export async function trainModels(
  data: TaskData,
  options: TrainTaskOptions,
  sizeKeys: readonly string[],
): Promise<Model[]> {
  requireTraining(options, sizeKeys);
  const { seeds = [1], backend = {}, onEvent } = options;
  const sizes = sizesOf(options, sizeKeys);
  const models: Model[] = [];
  try {
    for (const seed of seeds) {
      const model = await createModel(data.spec({ ...sizes, seed }), backend);
      models.push(model);
      for await (const event of fitTask(model, data, { ...options, seed })) await onEvent?.(event, seed);
    }
    return models;
  } catch (error) {
    for (const model of models) model.dispose();
    throw error;
  }
}
