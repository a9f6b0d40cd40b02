/** Simple forecasts to compare with, made from the same windows. */

import type { WindowArrays } from '../data/series/encoder.js';
import { seasonsOf } from '../data/series/frequency.js';
import type { ForecastingPipeline } from '../data/series/pipeline.js';
import { encodeWindows, type Window } from '../data/series/windows.js';
import type { ForecastingData } from './forecasting.js';
import { ridge } from './ridge.js';

/** A baseline: the predictions for a window in the user's units, one per row of the horizon; NaN where it has none. */
export interface Baseline {
  readonly name: string;
  predict(window: Window): Float64Array;
}

/** Seasons over which levels are compared: the yearly baseline scales by the last 4 seasons. */
const LEVEL_SEASONS = 4;
/** Training windows that the linear baseline reads at most. */
const MAX_WINDOWS = 3000;
const RIDGE = 1;

/** The last value that is not missing at or before a row; NaN if there is none. */
function lastAt(target: Float64Array, row: number): number {
  let at = row;
  while (at >= 0 && Number.isNaN(target[at]!)) at--;
  return at >= 0 ? target[at]! : Number.NaN;
}

const targetOf = ({ encoder }: Window): Float64Array => encoder.series.values[0]!;

/** The value of the same place in the last season before the forecast. */
function seasonal(season: number, horizon: number, name: string): Baseline {
  return {
    name,
    predict: (window) =>
      Float64Array.from({ length: horizon }, (_, h) => lastAt(targetOf(window), window.origin - season + (h % season))),
  };
}

/** The mean of the rows from `from` to `to` - 1 that are not missing. */
function meanOf(target: Float64Array, from: number, to: number): number {
  const rows = target.subarray(Math.max(0, from), Math.max(0, to)).filter((value) => !Number.isNaN(value));
  return rows.reduce((sum, value) => sum + value, 0) / rows.length;
}

/** The values of a year before, times the ratio of the levels now and then. */
function yearly(year: number, season: number, horizon: number): Baseline {
  const rows = LEVEL_SEASONS * season;
  return {
    name: `${year} rows ago, scaled`,
    predict(window) {
      const { origin } = window;
      const target = targetOf(window);
      const ratio = meanOf(target, origin - rows, origin) / meanOf(target, origin - year - rows, origin - year);
      return Float64Array.from({ length: horizon }, (_, h) => {
        const at = origin + h - year * Math.ceil((h + 1) / year);
        return at < 0 ? Number.NaN : ratio * lastAt(target, at);
      });
    },
  };
}

/** The inputs of the linear baseline for row `h` of the horizon of an encoded window: the history, what is known of that row, and 1. */
function featuresOf({ inputs }: WindowArrays, { settings, sizes }: ForecastingPipeline, h: number): Float64Array {
  const { inputSize } = sizes;
  const row = settings.history + h;
  const x = new Float64Array(settings.history + inputSize - 1);
  for (let t = 0; t < settings.history; t++) x[t] = inputs[t * inputSize]!;
  x.set(inputs.subarray(row * inputSize + 2, (row + 1) * inputSize), settings.history);
  x[x.length - 1] = 1;
  return x;
}

/** Linear autoregression: a ridge regression for each row of the horizon, on the inputs of the model, fitted on the training part. */
function linear({ train, pipeline }: ForecastingData): Baseline {
  const { horizon, history } = pipeline.settings;
  const every = Math.ceil(train.windows.length / MAX_WINDOWS);
  const encoded = train.windows
    .filter((_, i) => i % every === 0)
    .map((window) => encodeWindows([window], pipeline.sizes));
  const weights = Array.from({ length: horizon }, (_, h) => {
    const used = encoded.filter((arrays) => arrays.weights[history + h]! > 0);
    const targets = used.map((arrays) => arrays.targets[history + h]!);
    return ridge(
      used.map((arrays) => featuresOf(arrays, pipeline, h)),
      targets,
      RIDGE,
    );
  });
  return {
    name: 'linear autoregression',
    predict(window) {
      const level = window.encoder.levelBefore(window.origin);
      const arrays = encodeWindows([window], pipeline.sizes);
      return Float64Array.from({ length: horizon }, (_, h) => {
        const sum = featuresOf(arrays, pipeline, h).reduce((total, value, i) => total + value * weights[h]![i]!, 0);
        return window.encoder.decode(sum, level);
      });
    },
  };
}

/** The baselines of a frequency: naive, seasonal, the same day of last year, and linear autoregression. */
export function baselinesFor(data: ForecastingData): Baseline[] {
  const { frequency, settings } = data.pipeline;
  const { season, year } = seasonsOf(frequency);
  const { horizon } = settings;
  const start = data.train.windows.reduce((min, { origin }) => Math.min(min, origin), Number.POSITIVE_INFINITY);
  return [
    seasonal(1, horizon, 'naive'),
    ...(season > 1 ? [seasonal(season, horizon, `${season} rows ago`)] : []),
    ...(year !== null && year > season && data.series.every(({ split }) => split.test.from >= year + start)
      ? [yearly(year, season, horizon)]
      : []),
    linear(data),
  ];
}
