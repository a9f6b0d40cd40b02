/** Forecasting: from a table to what `fit` trains on. */
import { requireInteger, requireNumber, requireOptional, requireOptions } from '../checks.js';
import type { LossSpec } from '../core/losses.js';
import type { LayerSpec, ModelSpec } from '../core/spec.js';
import { seasonsOf, timeText } from '../data/series/frequency.js';
import type { ForecastingOptions } from '../data/series/options.js';
import type { ForecastingPipeline, PreparedSeries, PreparedTable } from '../data/series/pipeline.js';
import { preparePipeline } from '../data/series/pipeline.js';
import type { Gap, Series } from '../data/series/series.js';
import { firstOrigin, PARTS, type Part, type PartName } from '../data/series/split.js';
import type { WindowSource } from '../data/series/windows.js';
import { Table } from '../data/table/table.js';
import { invalidSetting } from '../errors.js';
import { DEFAULT_HIDDEN_SIZE } from './defaults.js';

/** Sizes of the model that `ForecastingData.spec` describes. */
export interface ForecasterSizes {
  /** Units of each LSTM layer. Default 48. */
  readonly hiddenSize?: number;
  /** LSTM layers. Default 1. */
  readonly layers?: number;
  /** Dropout after each LSTM layer, from 0 to 0.99. Default 0. */
  readonly dropout?: number;
  /** Reads the window in both directions: what is known ahead may affect earlier rows, too. Default false. */
  readonly bidirectional?: boolean;
  /** Default 1. */
  readonly seed?: number;
}

export const SIZE_KEYS = ['hiddenSize', 'layers', 'dropout', 'bidirectional', 'seed'] as const;

/**
 * A table as training data of a forecaster: pass it to `fit` or `trainForecaster`. A window has `history` + `horizon` time steps; the
 * model reads all of them, without the target in those of the horizon, and its outputs there are the predicted quantiles.
 */
export class ForecastingData {
  /** Batches of the training part. */
  readonly train: WindowSource;
  /** Batches of the validation part; null without one. */
  readonly validation: WindowSource | null;
  readonly #prepared: PreparedTable;

  /** Use `forecasting`. */
  constructor(prepared: PreparedTable) {
    this.#prepared = prepared;
    const { train, validation } = prepared.windows;
    this.train = train;
    this.validation = validation.windows.length > 0 ? validation : null;
  }

  /** Batches of the test part, whose windows do not overlap; null without one. */
  get test(): WindowSource | null {
    const { test } = this.#prepared.windows;
    return test.windows.length > 0 ? test : null;
  }

  /** The fitted pipeline. */
  get pipeline(): ForecastingPipeline {
    return this.#prepared.pipeline;
  }

  /** The series of the table, with their parts. */
  get series(): readonly PreparedSeries[] {
    return this.#prepared.series;
  }

  /** The loss of the pipeline's quantiles. */
  get loss(): LossSpec {
    return { kind: 'quantile', quantiles: this.pipeline.settings.quantiles };
  }

  /** A model of LSTM layers and a linear layer with one output per quantile. Throws `INVALID_SETTING`. */
  spec(sizes: ForecasterSizes = {}): ModelSpec {
    requireOptions('sizes', sizes, SIZE_KEYS);
    const { hiddenSize = DEFAULT_HIDDEN_SIZE, layers = 1, dropout = 0, bidirectional = false, seed = 1 } = sizes;
    requireOptional('sizes.bidirectional', bidirectional, 'boolean');
    requireInteger('sizes.hiddenSize', hiddenSize, 1, 1 << 20);
    requireInteger('sizes.layers', layers, 1, 1000);
    requireNumber('sizes.dropout', dropout, 0, 0.99);
    const block: LayerSpec[] = [
      { kind: 'lstm', hiddenSize, ...(bidirectional && { direction: 'bidirectional' as const }) },
      ...(dropout > 0 ? [{ kind: 'dropout' as const, rate: dropout }] : []),
    ];
    return {
      seed,
      inputSize: this.pipeline.inputs.length,
      layers: [
        ...Array.from({ length: layers }, () => block).flat(),
        { kind: 'linear', size: this.pipeline.settings.quantiles.length },
      ],
    };
  }

  /** What the pipeline made of the table: frequency, rows, gaps, the parts with their windows and dates, and sample windows. */
  describe(): DataDescription {
    const { pipeline, series, gaps, missing, windows, dropped } = this.#prepared;
    const { frequency, settings } = pipeline;
    const dateOf = (one: Series, row: number): string => timeText(frequency, pipeline.timeOf(one, row));
    const countOf = (part: PartName): number => windows[part].windows.length;
    return {
      frequency: seasonsOf(frequency).name,
      inputs: pipeline.inputs,
      ...{ gaps, missing, dropped },
      windows: { train: countOf('train'), validation: countOf('validation'), test: countOf('test') },
      shortest: firstOrigin(settings) + settings.horizon,
      series: series.map(({ encoder: { series: one }, split }) => {
        const partOf = ({ from, to }: Part) =>
          to > from ? { rows: to - from, from: dateOf(one, from), to: dateOf(one, to - 1) } : null;
        return {
          ...{ name: one.name, rows: one.length, from: dateOf(one, 0), to: dateOf(one, one.length - 1) },
          ...{ train: partOf(split.train), validation: partOf(split.validation), test: partOf(split.test) },
        };
      }),
      samples: PARTS.flatMap((part) => {
        const all = windows[part].windows;
        const ends = all.length > 1 ? [all[0]!, all.at(-1)!] : all;
        return ends.map(({ encoder: { series: one }, origin }) => ({
          ...{ part, series: one.name },
          reads: [dateOf(one, origin - settings.history), dateOf(one, origin - 1)] as const,
          predicts: [dateOf(one, origin), dateOf(one, origin + settings.horizon - 1)] as const,
        }));
      }),
    };
  }
}

/** Rows of a part, with their dates. */
export interface PartDescription {
  readonly rows: number;
  readonly from: string;
  readonly to: string;
}

/** What a pipeline made of a table. */
export interface DataDescription {
  /** The inferred frequency, such as `daily`. */
  readonly frequency: string;
  /** The names of the model's inputs. */
  readonly inputs: readonly string[];
  readonly gaps: readonly Gap[];
  /** Values that are missing, with those of the gaps. */
  readonly missing: number;
  /** Windows that were left out because a value is missing. */
  readonly dropped: number;
  /** Windows of each part. */
  readonly windows: Readonly<Record<PartName, number>>;
  /** Rows of the shortest training part that would do. */
  readonly shortest: number;
  readonly series: readonly (PartDescription & {
    readonly name: string;
    readonly train: PartDescription | null;
    readonly validation: PartDescription | null;
    readonly test: PartDescription | null;
  })[];
  /** The first and the last window of each part: the dates that it reads and predicts. */
  readonly samples: readonly {
    readonly part: PartName;
    readonly series: string;
    readonly reads: readonly [from: string, to: string];
    readonly predicts: readonly [from: string, to: string];
  }[];
}

/**
 * Prepares a table for forecasting. The series is split by time into training, validation and test parts; scalers are fitted on the
 * training part; then all parts are cut into windows. Throws `INVALID_SETTING` for options that cannot work, and `INVALID_DATA` with
 * file, line and column for data that cannot be used.
 *
 * @example
 * const table = parseCsv(text, { name: 'births.csv' });
 * const data = forecasting(table, { date: 'date', target: 'births', history: 28, horizon: 7, known: ['weekday'] });
 * const model = await createModel(data.spec({ hiddenSize: 32 }));
 * for await (const event of fit(model, data, { optimizer: adam(), loss: data.loss })) console.log(event);
 */
export function forecasting(table: Table, options: ForecastingOptions): ForecastingData {
  if (!(table instanceof Table)) throw invalidSetting('table', 'must be a table.', 'Use parseCsv().');
  return new ForecastingData(preparePipeline(table, options));
}
