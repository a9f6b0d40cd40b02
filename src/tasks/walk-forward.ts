/** Walk-forward validation: the same settings, trained on more and more rows and tested on the rows that follow. */
import { requireInteger, requireOptions, shown } from '../checks.js';
import { type ForecastingOptions, forecastingSettings } from '../data/series/options.js';
import { preparePipeline } from '../data/series/pipeline.js';
import { Table } from '../data/table/table.js';
import { invalidSetting } from '../errors.js';
import { ForecastingData } from './forecasting.js';

/** Options of `walkForward`. */
export interface WalkForwardOptions {
  /** Number of folds, from 1 to 1000. Default 3. */
  readonly folds?: number;
  /** Rows at the end of each series that no fold reads, such as those of the final test. Default 0. */
  readonly unread?: number;
}

/**
 * The folds of a walk-forward validation, the earliest first. The test part of each fold has `test` rows and begins where the
 * previous one ends. Its training part is all that comes before, so that no fold is trained on rows after those that it is tested on.
 * Scalers are fitted for each fold. To compare settings, train on each fold, and average the errors of `backtest`. Throws
 * `INVALID_SETTING` unless `test` is a number of rows, and `INVALID_DATA` if the first fold has too few rows.
 *
 * @example
 * const errors = [];
 * for (const fold of walkForward(table, { target: 'births', history: 28, horizon: 7, test: 70 }, { folds: 4 })) {
 *   const forecaster = await trainForecaster(fold);
 *   errors.push((await backtest(forecaster, fold, { baselines: false })).methods[0].mae);
 * }
 */
export function walkForward(
  table: Table,
  options: ForecastingOptions,
  walk: WalkForwardOptions = {},
): ForecastingData[] {
  if (!(table instanceof Table))
    throw invalidSetting('table', `must be a table, got ${shown(table)}.`, 'Use parseCsv().');
  requireOptions('walk', walk, ['folds', 'unread']);
  const { folds = 3, unread = 0 } = walk;
  requireInteger('walk.folds', folds, 1, 1000);
  requireInteger('walk.unread', unread, 0, 1 << 30);
  const { test } = forecastingSettings(options);
  requireInteger('options.test', test, 1, 1 << 30);
  return Array.from(
    { length: folds },
    (_, fold) => new ForecastingData(preparePipeline(table, options, { unread: unread + (folds - 1 - fold) * test })),
  );
}
