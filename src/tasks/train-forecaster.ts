/** Trains a forecaster: one model per seed, with the best weights on the validation part, and calibrated intervals. */
import { isFunction, isObject, requireInteger, requireKeys, requireNumber, shown } from '../checks.js';
import type { Model } from '../core/model.js';
import { createModel } from '../create.js';
import { encodeWindows, type Window } from '../data/series/windows.js';
import { invalidSetting } from '../errors.js';
import type { BackendOptions } from '../kernels/select.js';
import { type FitOptions, fit, type TrainingEvent } from '../train/trainer.js';
import { type Calibration, calibrate } from './conformal.js';
import { contextOf, Forecaster } from './forecaster.js';
import { type ForecasterSizes, ForecastingData, SIZE_KEYS } from './forecasting.js';
import { predictWindows } from './predict-windows.js';

/** Options of `trainForecaster`: sizes of the model, and how it is trained. */
export interface TrainForecasterOptions extends Omit<ForecasterSizes, 'seed'> {
  /** One model is trained for each seed; several are an ensemble. Default [1]. */
  readonly seeds?: readonly number[];
  /** Passes over the training windows. Default 20. */
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

/** Passes over the training windows, unless the options say otherwise. */
export const DEFAULT_EPOCHS = 20;

const KEYS = [
  ...SIZE_KEYS.filter((key) => key !== 'seed'),
  ...['seeds', 'epochs', 'learningRate', 'patience', 'fit', 'backend', 'onEvent'],
];

function fitOptionsOf(data: ForecastingData, options: TrainForecasterOptions, seed: number): FitOptions {
  const { epochs = DEFAULT_EPOCHS, learningRate = 0.005, patience } = options;
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

/** The corrections of the intervals, from the windows of the validation part; null without one. */
async function calibrationOf(models: readonly Model[], data: ForecastingData): Promise<Calibration | null> {
  if (!data.validation) return null;
  const { settings, sizes } = data.pipeline;
  const { windows } = data.validation;
  const outputs = await predictWindows(models, windows, sizes, settings.horizon);
  const scored = outputs.map((values, i) => ({ values, targets: scaledTargets(windows[i]!, data) }));
  return calibrate(scored, settings.quantiles, settings.horizon);
}

/** The targets of a window in the units of the model, NaN where one is missing. */
function scaledTargets(window: Window, { pipeline }: ForecastingData): number[] {
  const { settings, sizes } = pipeline;
  const { targets, weights } = encodeWindows([window], sizes);
  return Array.from({ length: settings.horizon }, (_, h) =>
    weights[settings.history + h] === 1 ? targets[settings.history + h]! : Number.NaN,
  );
}

/**
 * Trains a forecaster. Each model ends with the weights that were best on the validation part, which also calibrates the intervals.
 * Throws `INVALID_SETTING` for options that cannot work.
 *
 * @example
 * const forecaster = await trainForecaster(data, { hiddenSize: 32, epochs: 10 });
 * console.table(await forecaster.forecast({ next: 7 }));
 */
export async function trainForecaster(
  data: ForecastingData,
  options: TrainForecasterOptions = {},
): Promise<Forecaster> {
  if (!(data instanceof ForecastingData)) {
    throw invalidSetting('data', `must be the result of forecasting(), got ${shown(data)}.`);
  }
  requireKeys('options', options, KEYS);
  const { seeds = [1], backend = {}, onEvent, patience, epochs = DEFAULT_EPOCHS, learningRate = 0.005 } = options;
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
  const sizes = Object.fromEntries(
    SIZE_KEYS.filter((key) => key in options).map((key) => [key, options[key as 'layers']]),
  );
  const models: Model[] = [];
  try {
    for (const seed of seeds) {
      const model = await createModel(data.spec({ ...sizes, seed }), backend);
      models.push(model);
      const training = fit(
        model,
        { train: data.train, validation: data.validation },
        fitOptionsOf(data, options, seed),
      );
      for await (const event of training) await onEvent?.(event, seed);
    }
    const calibration = await calibrationOf(models, data);
    const context = data.series.map(({ encoder }) => contextOf(encoder.series, data.pipeline));
    return new Forecaster({ models, pipeline: data.pipeline, calibration, context });
  } catch (error) {
    for (const model of models) model.dispose();
    throw error;
  }
}

/**
 * Several forecasters of the same pipeline as an ensemble, with intervals that are calibrated for it. It uses their models, which
 * `dispose` then frees. Throws `INVALID_SETTING` for forecasters of other data.
 */
export async function ensemble(forecasters: readonly Forecaster[], data: ForecastingData): Promise<Forecaster> {
  if (!(data instanceof ForecastingData)) {
    throw invalidSetting('data', `must be the result of forecasting(), got ${shown(data)}.`);
  }
  const isList = Array.isArray(forecasters) && forecasters.length > 0;
  // A copy, because `every` skips holes.
  if (!isList || ![...forecasters].every((one) => one instanceof Forecaster && one.pipeline === data.pipeline)) {
    throw invalidSetting('forecasters', 'must be a list of forecasters that were trained on this data.');
  }
  const models = forecasters.flatMap((one) => one.models);
  const calibration = await calibrationOf(models, data);
  return new Forecaster({ models, pipeline: data.pipeline, calibration, context: forecasters[0]!.context });
}
