/** The settings of a forecaster: of its data, and of its training. Each is a flag, a key in a config file, or both. */
import {
  DEFAULT_BATCH_SIZE,
  DEFAULT_EPOCHS,
  DEFAULT_HIDDEN_SIZE,
  DEFAULT_LEARNING_RATE,
} from '../../tasks/defaults.js';
import type { ForecastingOptions } from '../../tasks/index.js';
import { flag, integer, number, type Setting, type Settings, text, type ValuesOf } from '../settings.js';
import { SETTING_FLAGS } from '../train/settings.js';

const FORECASTING = { group: 'Forecasting a table' } as const;
const COLUMNS = { ...FORECASTING, placeholder: 'COLUMNS' } as const;
const ROWS = { ...FORECASTING, placeholder: 'ROWS' } as const;
const MAX_ROWS = 1 << 20;

export const FORECAST_SETTINGS = {
  date: text({ ...COLUMNS, help: 'the column with the dates, or those with year, month and day' }),
  target: text({ ...FORECASTING, placeholder: 'COLUMN', help: 'the column to forecast' }),
  series: text({ ...FORECASTING, placeholder: 'COLUMN', help: 'the column that names the series of a row' }),
  history: integer({ ...ROWS, min: 1, max: MAX_ROWS, help: 'rows that a forecast reads' }),
  horizon: integer({ ...ROWS, min: 1, max: MAX_ROWS, help: 'rows that it predicts' }),
  stride: integer({ ...ROWS, min: 1, max: MAX_ROWS, help: 'rows between two training windows', defaultText: '1' }),
  test: number({ ...ROWS, min: 0, help: 'rows at the end, or their share, kept for the test', defaultText: '0.1' }),
  validation: number({
    ...ROWS,
    min: 0,
    help: 'rows before those, or their share, for validation',
    defaultText: '0.1',
  }),
  inputs: text({ ...COLUMNS, help: 'more columns that are known up to the present only' }),
  known: text({ ...COLUMNS, help: 'weekday, month, season, hour, us-holidays, or columns that are known ahead' }),
  lags: text({ ...FORECASTING, placeholder: 'ROWS', help: 'rows back at which past targets are inputs, such as 364' }),
  scale: text({ ...FORECASTING, help: 'standard, sqrt, log, minMax or none', defaultText: 'standard' }),
  level: integer({ ...ROWS, min: 0, max: MAX_ROWS, help: 'rows whose mean is subtracted', defaultText: 'the history' }),
  missing: text({ ...FORECASTING, help: 'missing values: reject, fill, drop or mask', defaultText: 'reject' }),
  quantiles: text({ ...FORECASTING, placeholder: 'LIST', help: 'predicted quantiles', defaultText: '0.1,0.5,0.9' }),
  decimal: text({ ...FORECASTING, choices: ['.', ','], help: 'the decimal separator of numbers', defaultText: '.' }),
} satisfies Settings;

/** The settings of a forecaster's data: undefined where none was given. */
export type ForecastSettings = ValuesOf<typeof FORECAST_SETTINGS>;

const { hiddenSize, layers, dropout, epochs, lr, seed, patience, batchSize, precision } = SETTING_FLAGS;
const { checkpointEvery, metricsEvery } = SETTING_FLAGS;

/** A flag of language models, with the default that it has here. */
const withDefault = <T>(one: Setting<T>, value: number): Setting<T> => ({ ...one, defaultText: String(value) });

/** Settings that language models have, too, with other defaults. */
const SHARED = {
  hiddenSize: withDefault(hiddenSize, DEFAULT_HIDDEN_SIZE),
  epochs: { ...withDefault(epochs, DEFAULT_EPOCHS), help: 'passes over the training windows' },
  lr: withDefault(lr, DEFAULT_LEARNING_RATE),
  batchSize: { ...withDefault(batchSize, DEFAULT_BATCH_SIZE), help: 'windows in a batch' },
};

/** The flags of `unspool train` that only a forecaster has. */
export const FORECAST_FLAGS = {
  ...FORECAST_SETTINGS,
  bidirectional: flag('read the window in both directions', FORECASTING.group),
  seeds: integer({
    ...FORECASTING,
    ...{ min: 1, max: 1000, defaultText: '1' },
    help: 'train N models, with seeds from --seed on; the best one is kept',
  }),
  ensemble: flag('with --seeds: forecast with the mean of all models', FORECASTING.group),
};

/** The flags that both kinds of training have, with both defaults in their help. */
export const SHARED_FLAGS = Object.fromEntries(
  Object.entries(SHARED).map(([key, one]) => {
    const text = SETTING_FLAGS[key as keyof typeof SHARED];
    return [key, { ...text, defaultText: `${text.defaultText}; a forecaster: ${one.defaultText}` }];
  }),
) as unknown as typeof SHARED;

/** All settings of a forecaster's training: the keys of its config file, and the flags that it uses. */
export const FORECAST_CONFIG = {
  ...FORECAST_FLAGS,
  ...SHARED,
  ...{ layers, dropout, seed, patience, precision, checkpointEvery, metricsEvery },
  task: text({ choices: ['forecasting'], help: 'forecasting' }),
  table: text({ help: 'the file of the table' }),
};

export type TableSettings = ValuesOf<typeof FORECAST_CONFIG>;

const namesIn = (list: string): string[] => list.split(',').map((name) => name.trim());
const numbersIn = (list: string): number[] => namesIn(list).map((part) => (part === '' ? Number.NaN : Number(part)));

/** The options of `forecasting`, which checks them. */
export function forecastingOptionsOf(settings: ForecastSettings & { readonly batchSize?: number | undefined }) {
  const { date, inputs, known, lags, quantiles, batchSize } = settings;
  const { target, series, history, horizon, stride, test, validation, scale, level, missing } = settings;
  const columns = date === undefined ? undefined : namesIn(date);
  const options = {
    date: columns?.length === 1 ? columns[0] : columns,
    inputs: inputs === undefined ? undefined : namesIn(inputs),
    known: known === undefined ? undefined : namesIn(known),
    lags: lags === undefined ? undefined : numbersIn(lags),
    quantiles: quantiles === undefined ? undefined : numbersIn(quantiles),
    ...{ target, series, history, horizon, stride, test, validation, scale, level, missing, batchSize },
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ForecastingOptions;
}
