/** Anomaly scores: how far values are from their forecasts, next to a threshold that the training data decides. */
import { requireNumber, requireOptions, shown } from '../checks.js';
import { timeText } from '../data/series/frequency.js';
import { firstOrigin } from '../data/series/split.js';
import { completeWindows, type Window } from '../data/series/windows.js';
import { Table } from '../data/table/table.js';
import { invalidData, invalidSetting } from '../errors.js';
import { Forecaster } from './forecaster.js';
import { ForecastingData } from './forecasting.js';

/** Options of `anomalies`. */
export interface AnomalyOptions {
  /** The share of the windows of training and validation whose errors are above the threshold, from 0 to below 1. Default 0.01. */
  readonly share?: number;
  /** The table whose rows are scored. Default: that of the data. */
  readonly table?: Table;
}

/** A row with its score. */
export interface ScoredRow {
  /** The name of the series, or an empty text. */
  readonly series: string;
  /** The date of the row, or its number for a table without dates. */
  readonly date: string;
  /** The value of the target, and the median of its forecast. */
  readonly value: number;
  readonly expected: number;
  /** The absolute error, divided by the threshold: above 1, the row is an anomaly. */
  readonly score: number;
  readonly isAnomaly: boolean;
}

/** The absolute errors of the medians of windows, [windows][horizon]; NaN where the target is missing. */
async function errorsOf(forecaster: Forecaster, windows: readonly Window[]) {
  const { quantiles, horizon } = forecaster.pipeline.settings;
  const outputs = await forecaster.predict(windows);
  return windows.map(({ encoder, origin }, i) =>
    Array.from({ length: horizon }, (_, h) => {
      const expected = outputs[i]![h * quantiles.length + quantiles.indexOf(0.5)]!;
      const value = encoder.series.values[0]![origin + h]!;
      return { value, expected, error: Math.abs(value - expected) };
    }),
  );
}

/** For each row of the horizon, the smallest error that at most `share` of the windows exceed. */
async function thresholdsOf(forecaster: Forecaster, windows: readonly Window[], share: number): Promise<number[]> {
  const all = await errorsOf(forecaster, windows);
  return Array.from({ length: forecaster.pipeline.settings.horizon }, (_, h) => {
    const errors = all.map((window) => window[h]!.error).filter((error) => !Number.isNaN(error));
    errors.sort((a, b) => a - b);
    return errors[errors.length - 1 - Math.floor(share * errors.length)] ?? Number.NaN;
  });
}

/** A window for each row that can be the first prediction of one; the last window has the rows after it, too. */
function windowsOf(encoder: Window['encoder'], forecaster: Forecaster): Window[] {
  const { settings, sizes } = forecaster.pipeline;
  const first = firstOrigin(settings);
  const count = Math.max(0, encoder.series.length - settings.horizon - first + 1);
  const windows = Array.from({ length: count }, (_, i) => ({ encoder, origin: first + i }));
  return settings.missing === 'drop' ? completeWindows(windows, sizes) : windows;
}

/** The score of an error. Where all forecasts of the training data are exact, any error is an anomaly. */
function scoreOf(error: number, threshold: number): number {
  if (threshold > 0) return error / threshold;
  return error > 0 ? Number.MAX_VALUE : 0;
}

function requireArguments(forecaster: unknown, data: unknown, { share = 0, table }: AnomalyOptions): void {
  if (!(forecaster instanceof Forecaster)) {
    throw invalidSetting('forecaster', `must be a Forecaster, got ${shown(forecaster)}.`, 'Use trainForecaster().');
  }
  if (!(data instanceof ForecastingData)) {
    throw invalidSetting('data', `must be the result of forecasting(), got ${shown(data)}.`);
  }
  requireNumber('options.share', share, 0, 1 - Number.EPSILON);
  if (table !== undefined && !(table instanceof Table)) {
    throw invalidSetting('options.table', `must be a table, got ${shown(table)}.`, 'Use parseCsv().');
  }
}

/**
 * Scores the rows of a table by how far they are from their forecasts, one row ahead; the last rows of a series, for which the horizon
 * would end after it, are forecast from the last full window. The threshold is that of the windows of the training and validation
 * parts of `data`, for each series and each row of the horizon, so the test part and newer rows decide nothing. Rows without a value,
 * and the first ones, which are only read, have no score. Throws `INVALID_DATA` for a series that was not in the training data.
 *
 * @example
 * const scored = await anomalies(forecaster, data, { table: parseCsv(newerRows) });
 * console.table(scored.filter(({ isAnomaly }) => isAnomaly));
 */
export async function anomalies(
  forecaster: Forecaster,
  data: ForecastingData,
  options: AnomalyOptions = {},
): Promise<ScoredRow[]> {
  requireOptions('options', options, ['share', 'table']);
  requireArguments(forecaster, data, options);
  const { share = 0.01, table } = options;
  const { pipeline } = forecaster;
  const known = [...data.train.windows, ...(data.validation?.windows ?? [])];
  const encoders = table ? pipeline.read(table).encoders : data.series.map(({ encoder }) => encoder);
  const scored: ScoredRow[] = [];
  for (const encoder of encoders) {
    const { series } = encoder;
    const own = known.filter((window) => window.encoder.series.name === series.name);
    const thresholds = await thresholdsOf(forecaster, own, share);
    const windows = windowsOf(encoder, forecaster);
    if (windows.length === 0) {
      const needed = firstOrigin(pipeline.settings) + pipeline.settings.horizon;
      throw invalidData(`series ${shown(series.name)}`, `has ${series.length} rows; a score needs ${needed}.`);
    }
    (await errorsOf(forecaster, windows)).forEach((rows, i) => {
      const { origin } = windows[i]!;
      for (const [h, { value, expected, error }] of (i === windows.length - 1 ? rows : rows.slice(0, 1)).entries()) {
        if (Number.isNaN(error)) continue;
        const score = scoreOf(error, thresholds[h]!);
        const date = timeText(pipeline.frequency, pipeline.timeOf(series, origin + h));
        scored.push({ series: series.name, date, value, expected, score, isAnomaly: score > 1 });
      }
    });
  }
  return scored;
}
