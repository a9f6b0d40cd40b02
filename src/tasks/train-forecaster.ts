/** Trains a forecaster: one model per seed, with the best weights on the validation part, and calibrated intervals. */
import { shown } from '../checks.js';
import type { Model } from '../core/model.js';
import { encodeWindows, type Window } from '../data/series/windows.js';
import { invalidSetting } from '../errors.js';
import { type Calibration, calibrate } from './conformal.js';
import { contextOf, Forecaster } from './forecaster.js';
import { type ForecasterSizes, ForecastingData, SIZE_KEYS } from './forecasting.js';
import { predictWindows } from './predict-windows.js';
import { type TrainTaskOptions, trainModels } from './train-models.js';

/** Options of `trainForecaster`: sizes of the model, and how it is trained. */
export interface TrainForecasterOptions extends Omit<ForecasterSizes, 'seed'>, TrainTaskOptions {}

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

/** A forecaster of trained models, with intervals that are calibrated for them. */
export async function forecasterOf(models: readonly Model[], data: ForecastingData): Promise<Forecaster> {
  const calibration = await calibrationOf(models, data);
  const context = data.series.map(({ encoder }) => contextOf(encoder.series, data.pipeline));
  return new Forecaster({ models, pipeline: data.pipeline, calibration, context });
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
  const models = await trainModels(data, options, SIZE_KEYS);
  try {
    return await forecasterOf(models, data);
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
  return forecasterOf(
    forecasters.flatMap((one) => one.models),
    data,
  );
}
