/**
 * The pipeline of a forecaster: from a table to windows, and from the output of a model to the user's units. It splits by time first
 * and fits its scalers on the training part; no call can do it in another order. It is plain data, so a model file can hold it.
 */
import { isObject, shown } from '../../checks.js';
import { invalidData } from '../../errors.js';
import type { Table } from '../table/table.js';
import type { WindowSizes } from './encoded-windows.js';
import { inputNames, type Scalers, SeriesEncoder } from './encoder.js';
import { type Frequency, timeOfIndex } from './frequency.js';
import { type ForecastingOptions, type ForecastingSettings, forecastingSettings } from './options.js';
import { fitScaler, isScaler, type Scaler } from './scaler.js';
import { type Gap, numberColumns, readSeries, type Series } from './series.js';
import { originsOf, PARTS, type PartName, type Split, splitSeries } from './split.js';
import { completeWindows, predictableWindows, type Window, WindowSource } from './windows.js';

/** A fitted pipeline as JSON. */
export interface PipelineData {
  readonly kind: 'forecasting';
  readonly settings: ForecastingSettings;
  readonly frequency: Frequency;
  /** By name of the series; "" if there is one without a name. */
  readonly scalers: Readonly<Record<string, Scalers>>;
}

/** The series of a table with their parts. */
export interface PreparedSeries {
  readonly encoder: SeriesEncoder;
  readonly split: Split;
}

/** A table that went through a pipeline. */
export interface PreparedTable {
  readonly pipeline: ForecastingPipeline;
  readonly series: readonly PreparedSeries[];
  readonly gaps: readonly Gap[];
  /** Values that are missing, with those of the gaps. */
  readonly missing: number;
  /** The windows of each part. */
  readonly windows: Readonly<Record<PartName, WindowSource>>;
  /** Windows that were left out because a value is missing. */
  readonly dropped: number;
}

/** What a forecaster does with data; `forecasting` makes one. */
export class ForecastingPipeline {
  /** The options, with defaults. */
  readonly settings: ForecastingSettings;
  /** The inferred frequency. */
  readonly frequency: Frequency;
  /** The names of the model's inputs, in order. */
  readonly inputs: readonly string[];
  private readonly scalers: Readonly<Record<string, Scalers>>;

  /** Use `forecasting` or `pipelineFrom`. */
  constructor({ settings, frequency, scalers }: Omit<PipelineData, 'kind'>) {
    this.settings = settings;
    this.frequency = frequency;
    this.scalers = scalers;
    this.inputs = inputNames(settings);
  }

  /** The sizes of a batch. */
  get sizes(): WindowSizes {
    const { history, horizon, batchSize } = this.settings;
    return { steps: history + horizon, inputSize: this.inputs.length, batchSize };
  }

  /** A series with the scalers of its name. Throws `INVALID_DATA` for one that was not in the training data. */
  encoder(series: Series): SeriesEncoder {
    const scalers = Object.hasOwn(this.scalers, series.name) ? this.scalers[series.name] : undefined;
    if (scalers) return new SeriesEncoder(series, scalers, this.frequency, this.settings);
    throw invalidData(`series ${shown(series.name)}`, 'was not in the training data.', 'Train on a table that has it.');
  }

  /** The time of a row of a series: milliseconds since 1970, or the number of the row for a table without dates. */
  timeOf(series: Series, row: number): number {
    return timeOfIndex(this.frequency, series.start, row);
  }

  /** The pipeline as JSON, for a model file. */
  toJSON(): PipelineData {
    const { settings, frequency, scalers } = this;
    return { kind: 'forecasting', settings, frequency, scalers };
  }

  /** Reads another table, for example one with newer rows, with the scalers of this pipeline. */
  read(table: Table): { readonly encoders: readonly SeriesEncoder[]; readonly gaps: readonly Gap[] } {
    const { series, gaps } = readSeries(table, columnsOf(this.settings), this.frequency);
    return { encoders: series.map((one) => this.encoder(one)), gaps };
  }
}

const columnsOf = ({ date, target, series, inputs, known, missing }: ForecastingSettings) => ({
  ...(date !== undefined && { date }),
  ...(series !== undefined && { series }),
  ...{ target, inputs, known, missing },
});

/** Fits the scalers of a series on rows of the training part. */
function fitScalers({ values, name }: Series, { train }: Split, settings: ForecastingSettings, what: string): Scaler[] {
  const where = name === '' ? what : `${what}, series "${name}"`;
  const names = numberColumns(settings);
  return values.map((column, i) => {
    const isOfTarget = settings.scale === 'log' || settings.scale === 'sqrt';
    const kind = i === 0 || !isOfTarget ? settings.scale : 'standard';
    return fitScaler(kind, column.subarray(train.from, train.to), `${where}, column "${names[i]}"`);
  });
}

/** A series without its last rows. What is known ahead stays known. */
function without(series: Series, rows: number, { inputs }: ForecastingSettings): Series {
  const length = Math.max(0, series.length - rows);
  const values = series.values.map((column, c) => (c <= inputs.length ? column.slice(0, length) : column));
  return { ...series, length, values };
}

/**
 * Splits a table by time, fits a pipeline on the training part and cuts all parts into windows. With a fitted pipeline, its scalers and
 * frequency are used instead. `unread` rows at the end of each series are left out.
 */
export function preparePipeline(
  table: Table,
  options: ForecastingOptions,
  { fitted, unread = 0 }: { readonly fitted?: ForecastingPipeline; readonly unread?: number } = {},
): PreparedTable {
  const settings = forecastingSettings(options);
  const { series: all, frequency, gaps, missing } = readSeries(table, columnsOf(settings), fitted?.frequency);
  const series = unread === 0 ? all : all.map((one) => without(one, unread, settings));
  const splits = series.map((one) => splitSeries(one, settings, table.name));
  const scalersOf = (one: Series, i: number) => [one.name, fitScalers(one, splits[i]!, settings, table.name)] as const;
  const pipeline =
    fitted ?? new ForecastingPipeline({ settings, frequency, scalers: Object.fromEntries(series.map(scalersOf)) });
  const prepared = series.map((one, i) => ({ encoder: pipeline.encoder(one), split: splits[i]! }));
  const { sizes } = pipeline;
  let dropped = 0;
  const sourceOf = (part: PartName): WindowSource => {
    const stride = part === 'test' ? settings.horizon : settings.stride;
    const all: Window[] = prepared.flatMap(({ encoder, split }) =>
      originsOf(split[part], settings, stride).map((origin) => ({ encoder, origin })),
    );
    const kept = usable(all, settings, sizes, missing > 0);
    dropped += all.length - kept.length;
    return new WindowSource(kept, sizes);
  };
  const [train, validation, test] = PARTS.map(sourceOf) as [WindowSource, WindowSource, WindowSource];
  if (train.windows.length === 0) {
    throw invalidData(
      table.name,
      'has no window without a missing value in the training part.',
      'Set missing to "mask" or "fill".',
    );
  }
  return { pipeline, series: prepared, gaps, missing, windows: { train, validation, test }, dropped };
}

function usable(all: Window[], { missing }: ForecastingSettings, sizes: WindowSizes, hasMissing: boolean): Window[] {
  if (!hasMissing) return all;
  return missing === 'mask' ? predictableWindows(all, sizes) : completeWindows(all, sizes);
}

/** Restores a pipeline from the result of `toJSON`. Throws `INVALID_DATA` for anything else. */
export function forecastingPipelineFrom(data: unknown): ForecastingPipeline {
  const bad = (what: string) => invalidData('pipeline', `is damaged: ${what}.`, 'Use a model file of a forecaster.');
  if (!isObject(data) || data.kind !== 'forecasting') throw bad('it is not that of a forecaster');
  const { settings, frequency, scalers } = data as Partial<PipelineData>;
  if (!isObject(settings)) throw bad('it has no settings');
  const complete = forecastingSettings(settings as unknown as ForecastingOptions);
  const units = ['millisecond', 'month', 'businessDay', 'row'];
  const hasFrequency = isObject(frequency) && units.includes(frequency.unit as string);
  if (!hasFrequency || !Number.isFinite(frequency.every) || (frequency.every as number) <= 0)
    throw bad('its frequency');
  if (!isObject(scalers)) throw bad('it has no scalers');
  const width = numberColumns(complete).length;
  for (const list of Object.values(scalers)) {
    if (!Array.isArray(list) || list.length < width || ![...list].every(isScaler)) throw bad('its scalers');
  }
  return new ForecastingPipeline({
    settings: complete,
    frequency: frequency as unknown as Frequency,
    scalers: scalers as unknown as Record<string, Scalers>,
  });
}
