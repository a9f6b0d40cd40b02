/** `unspool/tasks`: from a table to a trained and tested model, in a few lines. Works in a page, too. */
export { CALENDAR, type CalendarName } from '../data/series/calendar.js';
export type { Frequency } from '../data/series/frequency.js';
export type { ForecastingOptions, ForecastingSettings, ScaleKind } from '../data/series/options.js';
export { type ForecastingPipeline, type PipelineData, pipelineFrom } from '../data/series/pipeline.js';
export type { Gap, MissingPolicy, Series } from '../data/series/series.js';
export type { Window, WindowSource } from '../data/series/windows.js';
export { type CsvOptions, parseCsv } from '../data/table/csv.js';
export { parseJsonLines } from '../data/table/json-lines.js';
export { parseNpy } from '../data/table/npy.js';
export { type Cell, type ColumnSummary, Table, type TableParts } from '../data/table/table.js';
export {
  type BacktestOptions,
  type BacktestReport,
  backtest,
  type HorizonErrors,
  type MethodErrors,
} from './backtest.js';
export {
  type Forecaster,
  type ForecasterParts,
  type ForecastOptions,
  type ForecastRow,
  forecasterFrom,
} from './forecaster.js';
export {
  type DataDescription,
  type ForecasterSizes,
  type ForecastingData,
  forecasting,
  type PartDescription,
} from './forecasting.js';
export { ensemble, type TrainForecasterOptions, trainForecaster } from './train-forecaster.js';
