/** A trained forecaster: models, pipeline and calibration. It predicts in the user's units, with dates. */
import { isObject, requireChoice, requireInteger, requireNumber, requireOptions, shown } from '../checks.js';
import { Model } from '../core/model.js';
import { SeriesEncoder } from '../data/series/encoder.js';
import { timeText } from '../data/series/frequency.js';
import { type ForecastingPipeline, forecastingPipelineFrom, preparePipeline } from '../data/series/pipeline.js';
import type { Series } from '../data/series/series.js';
import { firstOrigin } from '../data/series/split.js';
import type { Window } from '../data/series/windows.js';
import { Table } from '../data/table/table.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { Metadata } from '../interop/model-file.js';
import { type Calibration, corrected } from './conformal.js';
import { ForecastingData } from './forecasting.js';
import { predictWindows } from './predict-windows.js';

/** Options of `Forecaster.forecast`. */
export interface ForecastOptions {
  /** Rows to predict after the last one. Default: the horizon. */
  readonly next?: number;
  /**
   * `direct` predicts up to the horizon. `recursive` predicts further: it takes its medians as history, so that errors add up and
   * intervals are too narrow. Default `direct`.
   */
  readonly method?: 'direct' | 'recursive';
  /** The share of the values that the interval from `low` to `high` is to cover. Default: that of the widest pair of quantiles. */
  readonly coverage?: number;
  /** Newer rows of the same series. Default: those at the end of the training data. */
  readonly table?: Table;
}

/** A predicted row. */
export interface ForecastRow {
  /** The name of the series; "" if the table has one. */
  readonly series: string;
  /** The date, such as `1989-01-01`. */
  readonly date: string;
  readonly median: number;
  /** The ends of the interval; the median if no pair of quantiles has this coverage. */
  readonly low: number;
  readonly high: number;
  /** All predicted quantiles, in the order of the options. */
  readonly quantiles: readonly number[];
}

/** What a forecaster is made of. */
export interface ForecasterParts {
  readonly models: readonly Model[];
  readonly pipeline: ForecastingPipeline;
  readonly calibration: Calibration | null;
  /** The end of each series, from which it predicts. */
  readonly context: readonly Series[];
}

/** A trained forecaster. Several models are an ensemble: their quantiles are averaged. */
export class Forecaster implements ForecasterParts {
  readonly models: readonly Model[];
  readonly pipeline: ForecastingPipeline;
  /** Corrections of the intervals; null without a validation part. */
  readonly calibration: Calibration | null;
  readonly context: readonly Series[];

  /** Use `trainForecaster` or `forecasterFrom`. */
  constructor({ models, pipeline, calibration, context }: ForecasterParts) {
    this.models = models;
    this.pipeline = pipeline;
    this.calibration = calibration;
    this.context = context;
  }

  /** The predicted quantiles of each window in the user's units, [horizon, quantiles] each. */
  async predict(windows: readonly Window[]): Promise<Float64Array[]> {
    const { settings, sizes } = this.pipeline;
    requireWindows(windows, firstOrigin(settings));
    const outputs = await predictWindows(this.models, windows, sizes, settings.horizon);
    return outputs.map((values, i) => {
      const { encoder, origin } = windows[i]!;
      const level = encoder.levelBefore(origin);
      return corrected(values, settings.quantiles, this.calibration).map((value) => encoder.decode(value, level));
    });
  }

  /**
   * Predicts the rows after the last one, with dates, in the units of the target. Throws `INVALID_SETTING` for more rows than the
   * horizon, unless the method is `recursive`.
   */
  async forecast(options: ForecastOptions = {}): Promise<ForecastRow[]> {
    requireOptions('options', options, ['next', 'method', 'coverage', 'table']);
    const { horizon } = this.pipeline.settings;
    const { next = horizon, method = 'direct', coverage, table } = options;
    requireInteger('options.next', next, 1, 1 << 20);
    requireChoice('options.method', method, ['direct', 'recursive']);
    if (next > horizon && method === 'direct') {
      throw invalidSetting(
        'options.next',
        `must be at most the horizon, ${horizon}, got ${next}.`,
        'Set method to "recursive" to predict further, or train with a larger horizon.',
      );
    }
    if (table !== undefined && !(table instanceof Table)) {
      throw invalidSetting('options.table', `must be a table, got ${shown(table)}.`, 'Use parseCsv().');
    }
    const pair = this.pairFor(coverage);
    const series = table ? this.pipeline.read(table).encoders.map((encoder) => encoder.series) : this.context;
    const rows: ForecastRow[] = [];
    for (const one of series) rows.push(...(await this.forecastSeries(one, next, pair)));
    return rows;
  }

  /**
   * A table as data of this forecaster, with its scalers, for `backtest`. The rows must include those up to the end of the training
   * data, so that the test part has none that the model was trained on. Throws `INVALID_DATA`.
   */
  data(table: Table): ForecastingData {
    if (!(table instanceof Table))
      throw invalidSetting('table', `must be a table, got ${shown(table)}.`, 'Use parseCsv().');
    const data = new ForecastingData(preparePipeline(table, this.pipeline.settings, { fitted: this.pipeline }));
    for (const { encoder } of data.series) {
      const { name, length } = encoder.series;
      const trained = this.context.find((one) => one.name === name);
      const endOf = (series: Series): number => this.pipeline.timeOf(series, series.length);
      if (!trained || endOf(encoder.series) >= endOf(trained)) continue;
      const last = timeText(this.pipeline.frequency, this.pipeline.timeOf(trained, trained.length - 1));
      const found = timeText(this.pipeline.frequency, this.pipeline.timeOf(encoder.series, length - 1));
      throw invalidData(
        table.name,
        `ends at ${found}, but the data of the training ended at ${last}: the test part would have rows of the training.`,
        'Use the table of the training, or one with newer rows at its end.',
      );
    }
    return data;
  }

  /** The model file's metadata of this forecaster: pass it to `saveModel`, and what was read to `forecasterFrom`. */
  metadata(): Metadata {
    const context = this.context.map(({ values, ...rest }) => ({
      ...rest,
      values: values.map((column) => Array.from(column, (value) => (Number.isNaN(value) ? null : value))),
    }));
    const parts = { task: 'forecasting', pipeline: this.pipeline.toJSON(), calibration: this.calibration, context };
    return JSON.parse(JSON.stringify(parts)) as Metadata;
  }

  /** Frees the models. */
  dispose(): void {
    for (const model of this.models) model.dispose();
  }

  /** The indexes of the quantiles of an interval. */
  private pairFor(coverage: number | undefined): readonly [number, number] {
    const { quantiles } = this.pipeline.settings;
    const last = quantiles.length - 1;
    if (coverage === undefined) return [0, last];
    requireNumber('options.coverage', coverage, 0, 1);
    const find = (q: number): number => quantiles.findIndex((other) => Math.abs(other - q) < 1e-9);
    const [low, high] = [find((1 - coverage) / 2), find((1 + coverage) / 2)];
    if (low >= 0 && high >= 0) return [low, high];
    const help = `The model predicts the quantiles ${quantiles.join(', ')}.`;
    throw invalidSetting('options.coverage', `has no pair of quantiles, got ${coverage}.`, help);
  }

  private async forecastSeries(series: Series, next: number, [low, high]: readonly [number, number]) {
    const { settings, frequency } = this.pipeline;
    const { quantiles, horizon } = settings;
    const median = quantiles.indexOf(0.5);
    const rows: ForecastRow[] = [];
    for (let current = series; rows.length < next; ) {
      const origin = current.length;
      if (origin < firstOrigin(settings)) {
        const problem = `has ${origin} rows; a forecast reads ${firstOrigin(settings)}.`;
        throw invalidData(`series ${shown(series.name)}`, problem, 'Give more rows.');
      }
      const encoder = this.pipeline.encoder(current);
      encoder.requireKnown(origin);
      const [values] = await this.predict([{ encoder, origin }]);
      const medians: number[] = [];
      for (let h = 0; h < horizon; h++) {
        const all = Array.from(values!.subarray(h * quantiles.length, (h + 1) * quantiles.length));
        medians.push(all[median]!);
        if (rows.length === next) continue;
        const date = timeText(frequency, this.pipeline.timeOf(current, origin + h));
        rows.push({
          series: series.name,
          date,
          median: all[median]!,
          low: all[low]!,
          high: all[high]!,
          quantiles: all,
        });
      }
      current = extended(current, medians, settings.inputs.length);
    }
    return rows;
  }
}

/** Throws `INVALID_DATA` unless all are windows whose history is within their series. */
function requireWindows(windows: unknown, first: number): void {
  if (!Array.isArray(windows)) throw invalidData('windows', `must be a list of windows, got ${shown(windows)}.`);
  windows.forEach((window: unknown, i) => {
    const isWindow = isObject(window) && window.encoder instanceof SeriesEncoder && Number.isSafeInteger(window.origin);
    const { encoder, origin } = (isWindow ? window : {}) as unknown as Window;
    if (isWindow && origin >= first && origin <= encoder.series.length) return;
    throw invalidData(`windows[${i}]`, 'must be a window of forecasting().', 'Pass data.test.windows.');
  });
}

/** A series with predicted targets at its end. Other inputs keep their last values. */
function extended(series: Series, medians: readonly number[], inputs: number): Series {
  const values = series.values.map((column, c) => {
    if (c > inputs) return column;
    const last = column.at(-1)!;
    return Float64Array.from([...column, ...medians.map((median) => (c === 0 ? median : last))]);
  });
  return { ...series, length: series.length + medians.length, values };
}

/** The end of a series that a forecast reads, with what is known after it. */
export function contextOf(series: Series, pipeline: ForecastingPipeline): Series {
  const from = Math.max(0, series.length - firstOrigin(pipeline.settings));
  return {
    name: series.name,
    start: pipeline.timeOf(series, from),
    length: series.length - from,
    values: series.values.map((column) => column.slice(from)),
  };
}

function readContext(value: unknown): Series[] {
  const bad = () => invalidData('context', 'is damaged.', 'Use a model file of a forecaster.');
  if (!Array.isArray(value)) throw bad();
  return value.map((one: unknown) => {
    if (!isObject(one) || typeof one.name !== 'string' || !Array.isArray(one.values)) throw bad();
    const { name, start, length, values } = one;
    if (!Number.isFinite(start) || !Number.isSafeInteger(length) || values.length === 0) throw bad();
    const columns = values.map((column: unknown) => {
      const isColumn = Array.isArray(column) && [...column].every((v) => v === null || Number.isFinite(v));
      if (!isColumn) throw bad();
      return Float64Array.from(column as (number | null)[], (v) => v ?? Number.NaN);
    });
    if (columns[0]!.length !== length) throw bad();
    return { name, start: start as number, length: length as number, values: columns };
  });
}

/**
 * Restores a forecaster from the models and the metadata of model files. Throws `INVALID_DATA` for the metadata of another model.
 *
 * @example
 * const { model, metadata } = await loadModel('births.safetensors');
 * const rows = await forecasterFrom([model], metadata).forecast({ next: 30 });
 */
export function forecasterFrom(models: readonly Model[], metadata: Metadata): Forecaster {
  // A copy, because `every` skips holes.
  if (!Array.isArray(models) || models.length === 0 || ![...models].every((model) => model instanceof Model)) {
    throw invalidSetting('models', `must be a list of models, got ${shown(models)}.`);
  }
  if (!isObject(metadata)) throw invalidData('metadata', `must be an object, got ${shown(metadata)}.`);
  const pipeline = forecastingPipelineFrom(metadata.pipeline);
  const { quantiles } = pipeline.settings;
  for (const model of models) {
    const { inputSize } = model.spec;
    if (inputSize === pipeline.inputs.length && model.outputSize === quantiles.length) continue;
    throw invalidData(
      'pipeline',
      `has ${pipeline.inputs.length} inputs and ${quantiles.length} quantiles; the model has ${inputSize} inputs and ${model.outputSize} outputs.`,
    );
  }
  const { calibration } = metadata;
  const isCalibration =
    calibration === null ||
    (Array.isArray(calibration) &&
      [...calibration].every((row) => Array.isArray(row) && [...row].every(Number.isFinite)));
  if (!isCalibration) throw invalidData('calibration', 'is damaged.', 'Use a model file of a forecaster.');
  return new Forecaster({
    models,
    pipeline,
    calibration: calibration as Calibration | null,
    context: readContext(metadata.context),
  });
}
