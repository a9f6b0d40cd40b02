/** The options of a forecasting pipeline, checked and complete. */
import {
  isKeyOf,
  requireChoice,
  requireInteger,
  requireKeys,
  requireNumber,
  requireOptional,
  shown,
} from '../../checks.js';
import { invalidSetting } from '../../errors.js';
import { CALENDAR } from './calendar.js';
import { DEFAULT_BATCH_SIZE } from './defaults.js';
import type { MissingPolicy } from './series.js';

/** How values are scaled. Each is fitted on the training part only. */
export type ScaleKind = 'standard' | 'sqrt' | 'log' | 'minMax' | 'none';

/** Options of `forecasting`. */
export interface ForecastingOptions {
  /** The column with the dates, or those with year, month and day. Default: none; the rows are equally spaced. */
  readonly date?: string | readonly string[];
  /** The column to forecast. */
  readonly target: string;
  /** A column whose values name the series that a row belongs to. Default: the table is one series. */
  readonly series?: string;
  /** Rows that a forecast reads. */
  readonly history: number;
  /** Rows that it predicts. */
  readonly horizon: number;
  /** Rows between the first predictions of two windows of training and validation. Default 1. Test windows do not overlap. */
  readonly stride?: number;
  /** Rows at the end of each series that are kept for the test; below 1, their share. Default 0.1. */
  readonly test?: number;
  /** Rows before the test part that are kept for validation; below 1, their share. Default 0.1. */
  readonly validation?: number;
  /** More columns that are known up to the present only. Default: none. */
  readonly inputs?: readonly string[];
  /**
   * Inputs that are known ahead: `weekday`, `month`, `season`, `hour` and `us-holidays`, which are computed from the date, and columns
   * of the table. Default: none.
   */
  readonly known?: readonly string[];
  /**
   * Rows back at which past values of the target are inputs, for example 364 for the same weekday of last year. At least the horizon,
   * so that they are known ahead. Default: none.
   */
  readonly lags?: readonly number[];
  /**
   * `standard` (mean 0 and standard deviation 1), `sqrt` and `log` (the same of the square root, for counts, or of the
   * logarithm, for positive values), `minMax` (0 to 1) or `none`. Fitted on the training part. Default `standard`.
   */
  readonly scale?: ScaleKind;
  /**
   * Subtracts from each window the mean of its last `level` rows before the forecast, so that a change of level since the training
   * does not matter. 0 for no subtraction. Default: the history.
   */
  readonly level?: number;
  /**
   * Missing values and dates: `reject` them, `fill` them with the last value before, `drop` the windows that have one, or `mask` them.
   * Default `reject`.
   */
  readonly missing?: MissingPolicy;
  /** Quantiles to predict, increasing, with 0.5 among them. Default [0.1, 0.5, 0.9]. */
  readonly quantiles?: readonly number[];
  /** Windows in a batch. Default 64. */
  readonly batchSize?: number;
}

/** The options of a pipeline, with defaults. */
export type ForecastingSettings = Required<Omit<ForecastingOptions, 'date' | 'series'>> &
  Pick<ForecastingOptions, 'date' | 'series'>;

export const FORECASTING_KEYS = [
  ...['date', 'target', 'series', 'history', 'horizon', 'stride', 'test', 'validation', 'inputs', 'known', 'lags'],
  ...['scale', 'level', 'missing', 'quantiles', 'batchSize'],
] as const;

export const SCALES: readonly ScaleKind[] = ['standard', 'sqrt', 'log', 'minMax', 'none'];
const MISSING = ['reject', 'drop', 'fill', 'mask'];

const MAX_ROWS = 1 << 20;

function requireNames(path: string, value: unknown): asserts value is readonly string[] {
  // A copy, because `every` skips holes.
  if (Array.isArray(value) && [...value].every((name) => typeof name === 'string' && name !== '')) return;
  throw invalidSetting(path, `must be a list of names, got ${shown(value)}.`);
}

/** The size of a part: a number of `units`, such as rows, or their share. */
export function requireShare(path: string, value: unknown, units: string): void {
  requireNumber(path, value, 0, Number.MAX_SAFE_INTEGER);
  if (value < 1 || Number.isInteger(value)) return;
  throw invalidSetting(path, `must be a number of ${units}, or a share below 1, got ${value}.`);
}

function requireQuantiles(value: unknown): asserts value is readonly number[] {
  const isList = Array.isArray(value) && value.length > 0 && value.length <= 1000;
  const isAfter = (q: unknown, before: unknown): boolean => typeof q === 'number' && q < 1 && q > Number(before);
  // A copy, because `every` skips holes.
  const isIncreasing = isList && [...value].every((q, i, all) => isAfter(q, i === 0 ? 0 : all[i - 1]));
  if (isIncreasing && value.includes(0.5)) return;
  throw invalidSetting(
    'options.quantiles',
    `must be increasing numbers between 0 and 1 with 0.5 among them, got ${shown(value)}.`,
  );
}

function requireLags(value: unknown, horizon: number): asserts value is readonly number[] {
  if (!Array.isArray(value)) throw invalidSetting('options.lags', `must be a list of numbers, got ${shown(value)}.`);
  value.forEach((lag, i) => {
    requireInteger(`options.lags[${i}]`, lag, 1, MAX_ROWS);
    if (lag >= horizon) return;
    const problem = `must be at least the horizon, ${horizon}, because later values are not known yet, got ${lag}.`;
    throw invalidSetting(`options.lags[${i}]`, problem);
  });
}

/** The options with defaults. Throws `INVALID_SETTING` for one that cannot work. */
export function forecastingSettings(options: ForecastingOptions): ForecastingSettings {
  requireKeys('options', options, FORECASTING_KEYS);
  const { date, target, series, history, horizon } = options;
  if (typeof date !== 'string' && date !== undefined) requireNames('options.date', date);
  if (date !== undefined && date.length === 0) throw invalidSetting('options.date', 'must not be empty.');
  if (typeof target !== 'string') throw invalidSetting('options.target', `must name a column, got ${shown(target)}.`);
  requireOptional('options.series', series, 'string');
  requireInteger('options.history', history, 1, MAX_ROWS);
  requireInteger('options.horizon', horizon, 1, MAX_ROWS);
  const { stride = 1, test = 0.1, validation = 0.1, inputs = [], known = [], lags = [], scale = 'standard' } = options;
  const { level = history, missing = 'reject', quantiles = [0.1, 0.5, 0.9], batchSize = DEFAULT_BATCH_SIZE } = options;
  requireInteger('options.stride', stride, 1, MAX_ROWS);
  requireShare('options.test', test, 'rows');
  requireShare('options.validation', validation, 'rows');
  requireNames('options.inputs', inputs);
  requireNames('options.known', known);
  requireLags(lags, horizon);
  requireChoice('options.scale', scale, SCALES);
  requireInteger('options.level', level, 0, MAX_ROWS);
  requireChoice('options.missing', missing, MISSING);
  requireQuantiles(quantiles);
  requireInteger('options.batchSize', batchSize, 1, MAX_ROWS);
  const twice = [...inputs, ...known].find((name, i, all) => name === target || all.indexOf(name) !== i);
  if (twice !== undefined) {
    throw invalidSetting(
      'options',
      `uses the column "${twice}" twice.`,
      'The history of the target is always an input.',
    );
  }
  const needsDate = known.find((name) => isKeyOf(CALENDAR, name));
  if (date === undefined && needsDate !== undefined) {
    throw invalidSetting('options.known', `"${needsDate}" is computed from dates.`, 'Name the column with the dates.');
  }
  return {
    ...(date !== undefined && { date: typeof date === 'string' ? date : [...date] }),
    ...(series !== undefined && { series }),
    ...{ target, history, horizon, stride, test, validation, scale, level, missing, batchSize },
    ...{ inputs: [...inputs], known: [...known], lags: [...lags], quantiles: [...quantiles] },
  };
}
