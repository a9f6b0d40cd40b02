/** Backtests: forecasts from rolling origins in the test part, next to simple baselines on the same windows. */
import { requireOptional, requireOptions, shown } from '../checks.js';
import type { Window } from '../data/series/windows.js';
import { invalidData, invalidSetting } from '../errors.js';
import { baselinesFor } from './baselines.js';
import { quantilePairs } from './conformal.js';
import { Forecaster } from './forecaster.js';
import { ForecastingData } from './forecasting.js';

/** The errors of one method over all windows of a backtest. */
export interface MethodErrors {
  readonly name: string;
  /** Mean absolute error of the median, in the unit of the target. */
  readonly mae: number;
  /** Root mean squared error of the median. */
  readonly rmse: number;
  /** Each window's errors divided by the mean absolute change from one row to the next before it (Hyndman & Koehler 2006). */
  readonly mase: number;
  /**
   * Weighted quantile loss: the mean over the quantiles of 2 * sum of quantile losses / sum of absolute targets. Null for a method
   * without quantiles.
   */
  readonly wql: number | null;
}

/** The errors of the model in one row of the horizon. */
export interface HorizonErrors {
  /** Rows ahead, from 1. */
  readonly step: number;
  readonly mae: number;
  /** The share of targets in the widest interval; null without a pair of quantiles. */
  readonly coverage: number | null;
  /** The mean width of that interval. */
  readonly width: number | null;
}

/** The result of `backtest`. */
export interface BacktestReport {
  readonly windows: number;
  /** Targets that were compared. */
  readonly targets: number;
  /** The model first, then the baselines. */
  readonly methods: readonly MethodErrors[];
  readonly horizon: readonly HorizonErrors[];
  /** Of the widest interval: the share it is to cover, the share it covers, and its mean width. */
  readonly interval: { readonly nominal: number; readonly coverage: number; readonly width: number } | null;
  /** What is suspicious about the forecasts: for example that they are flat. */
  readonly warnings: readonly string[];
}

/** A window with its targets and predictions in the user's units, [horizon, quantiles]. */
interface Compared {
  readonly targets: Float64Array;
  readonly values: Float64Array;
  /** The mean absolute change before it, by which MASE divides. */
  readonly scale: number;
}

const targetsOf = ({ encoder, origin }: Window, horizon: number): Float64Array =>
  encoder.series.values[0]!.slice(origin, origin + horizon);

/** The mean absolute change from one row to the next before a window's first prediction; NaN if all are missing. */
function meanChange({ encoder, origin }: Window): number {
  const target = encoder.series.values[0]!;
  let [sum, count] = [0, 0];
  for (let i = 1; i < origin; i++) {
    const change = Math.abs(target[i]! - target[i - 1]!);
    if (Number.isNaN(change)) continue;
    sum += change;
    count++;
  }
  return sum / count;
}

type Predict = (window: Compared, h: number, index: number) => number;

/** Mean errors over the targets that are not missing and for which the method has a prediction. */
function errorsOf(compared: readonly Compared[], predict: Predict) {
  let [absolute, squared, scaled, count] = [0, 0, 0, 0];
  compared.forEach((window, index) => {
    window.targets.forEach((target, h) => {
      const error = Math.abs(predict(window, h, index) - target);
      if (Number.isNaN(error)) return;
      absolute += error;
      squared += error * error;
      scaled += error / window.scale;
      count++;
    });
  });
  return { mae: absolute / count, rmse: Math.sqrt(squared / count), mase: scaled / count, count };
}

function weightedQuantileLoss(
  compared: readonly Compared[],
  quantiles: readonly number[],
  used: readonly number[],
): number {
  const Q = quantiles.length;
  let [loss, size] = [0, 0];
  for (const { targets, values } of compared) {
    targets.forEach((target, h) => {
      if (Number.isNaN(target)) return;
      size += Math.abs(target);
      quantiles.forEach((q, i) => {
        if (!used.includes(q)) return;
        const error = target - values[h * Q + i]!;
        loss += 2 * Math.max(q * error, (q - 1) * error);
      });
    });
  }
  return loss / used.length / size;
}

/** Coverage and mean width of the widest interval, in one row of the horizon or in all. */
function intervalOf(compared: readonly Compared[], [low, high]: readonly [number, number], Q: number, only?: number) {
  let [inside, width, count] = [0, 0, 0];
  for (const { targets, values } of compared) {
    targets.forEach((target, h) => {
      if (Number.isNaN(target) || (only !== undefined && h !== only)) return;
      const [from, to] = [values[h * Q + low]!, values[h * Q + high]!];
      if (target >= from && target <= to) inside++;
      width += to - from;
      count++;
    });
  }
  return { coverage: inside / count, width: width / count };
}

/** Warns where medians hardly change over the horizon, although the targets do. */
function warningsFor(compared: readonly Compared[], median: number, Q: number): string[] {
  const spreadOf = (values: Float64Array): number =>
    values.reduce((max, v) => Math.max(max, v)) - values.reduce((min, v) => Math.min(min, v));
  let [flat, moving] = [0, 0];
  for (const { targets, values } of compared) {
    const medians = targets.map((_, h) => values[h * Q + median]!);
    const actual = spreadOf(targets.filter((value) => !Number.isNaN(value)));
    if (actual > 0) moving++;
    if (spreadOf(medians) < 0.05 * actual) flat++;
  }
  if (moving === 0 || flat < moving / 2) return [];
  return [
    `In ${flat} of ${compared.length} windows the forecast is flat: it varies by less than a twentieth of the targets.`,
  ];
}

/** Options of `backtest`. */
export interface BacktestOptions {
  /** Whether to compute the baselines, too. Default true. */
  readonly baselines?: boolean;
  /** Quantiles of the weighted quantile loss. Default: all that the model predicts. */
  readonly quantiles?: readonly number[];
}

/**
 * Forecasts every window of the test part and compares the predictions with what happened, next to the baselines of the frequency
 * (naive, seasonal, last year scaled, linear autoregression with the same inputs). The model is not trained again. Throws
 * `INVALID_DATA` for data without a test part.
 */
export async function backtest(
  forecaster: Forecaster,
  data: ForecastingData,
  options: BacktestOptions = {},
): Promise<BacktestReport> {
  if (!(forecaster instanceof Forecaster)) {
    throw invalidSetting('forecaster', `must be a Forecaster, got ${shown(forecaster)}.`, 'Use trainForecaster().');
  }
  if (!(data instanceof ForecastingData)) {
    throw invalidSetting('data', `must be the result of forecasting(), got ${shown(data)}.`);
  }
  requireOptions('options', options, ['baselines', 'quantiles']);
  requireOptional('options.baselines', options.baselines, 'boolean');
  const known = forecaster.pipeline.settings.quantiles;
  const { quantiles: asked } = options;
  if (
    asked !== undefined &&
    (!Array.isArray(asked) || asked.length === 0 || ![...asked].every((q) => known.includes(q)))
  ) {
    throw invalidSetting('options.quantiles', `must be some of ${known.join(', ')}, got ${shown(asked)}.`);
  }
  if (!data.test) throw invalidData('data', 'has no test part.', 'Set options.test of forecasting().');
  const { windows } = data.test;
  const { horizon, quantiles } = forecaster.pipeline.settings;
  const outputs = await forecaster.predict(windows);
  const compared = windows.map((window, i) => ({
    targets: targetsOf(window, horizon),
    values: outputs[i]!,
    scale: meanChange(window),
  }));
  const name = forecaster.models.length > 1 ? `LSTM, ${forecaster.models.length} seeds together` : 'LSTM';
  const baselines = options.baselines === false ? [] : baselinesFor(data);
  const used = options.quantiles ?? quantiles;
  return reportOf(
    compared,
    name,
    { quantiles, used },
    baselines.map((one) => ({ ...one, values: windows.map(one.predict) })),
  );
}

interface ComparedBaseline {
  readonly name: string;
  /** The predictions for each window. */
  readonly values: readonly Float64Array[];
}

function reportOf(
  compared: readonly Compared[],
  name: string,
  { quantiles, used }: { readonly quantiles: readonly number[]; readonly used: readonly number[] },
  baselines: readonly ComparedBaseline[],
): BacktestReport {
  const Q = quantiles.length;
  const median = quantiles.indexOf(0.5);
  const { count: targets, ...own } = errorsOf(compared, ({ values }, h) => values[h * Q + median]!);
  const others = baselines.map(({ name, values }) => {
    const { count: _, ...errors } = errorsOf(compared, (_window, h, i) => values[i]![h]!);
    return { name, ...errors, wql: null };
  });
  const pair = quantilePairs(quantiles)[0];
  const maeAt = (step: number): number =>
    errorsOf(compared, ({ values }, h) => (h === step ? values[h * Q + median]! : Number.NaN)).mae;
  return {
    windows: compared.length,
    targets,
    methods: [{ name, ...own, wql: weightedQuantileLoss(compared, quantiles, used) }, ...others],
    horizon: Array.from(compared[0]!.targets, (_, h) => ({
      step: h + 1,
      mae: maeAt(h),
      ...(pair ? intervalOf(compared, pair, Q, h) : { coverage: null, width: null }),
    })),
    interval: pair ? { nominal: quantiles[pair[1]]! - quantiles[pair[0]]!, ...intervalOf(compared, pair, Q) } : null,
    warnings: warningsFor(compared, median, Q),
  };
}
