/** Forecasting: from a table to what `fit` trains on. */
import { requireOptional, requireOptions } from '../checks.js';
import type { LossSpec } from '../core/losses.js';
import type { LayerSpec, ModelSpec } from '../core/spec.js';
import { timeText } from '../data/series/frequency.js';
import type { ForecastingOptions } from '../data/series/options.js';
import type { ForecastingPipeline, PreparedSeries, PreparedTable } from '../data/series/pipeline.js';
import { preparePipeline } from '../data/series/pipeline.js';
import type { WindowSource } from '../data/series/windows.js';
import { Table } from '../data/table/table.js';
import { invalidSetting } from '../errors.js';

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
    const { hiddenSize = 48, layers = 1, dropout = 0, bidirectional = false, seed = 1 } = sizes;
    requireOptional('sizes.bidirectional', bidirectional, 'boolean');
    if (!Number.isInteger(layers) || layers < 1 || layers > 1000) {
      throw invalidSetting('sizes.layers', `must be an integer from 1 to 1000, got ${layers}.`);
    }
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

  /** What the pipeline made of the table: rows, dates, gaps, parts and their windows. */
  describe() {
    const { pipeline, series, gaps, missing, windows, dropped } = this.#prepared;
    const { frequency } = pipeline;
    return {
      inputs: pipeline.inputs,
      gaps,
      missing,
      dropped,
      windows: {
        train: windows.train.windows.length,
        validation: windows.validation.windows.length,
        test: windows.test.windows.length,
      },
      series: series.map(({ encoder, split }) => {
        const dateOf = (row: number): string => timeText(frequency, pipeline.timeOf(encoder.series, row));
        const { name, length } = encoder.series;
        const partOf = ({ from, to }: { from: number; to: number }) =>
          to > from ? { rows: to - from, from: dateOf(from), to: dateOf(to - 1) } : null;
        return {
          ...{ name, rows: length, from: dateOf(0), to: dateOf(length - 1) },
          ...{ train: partOf(split.train), validation: partOf(split.validation), test: partOf(split.test) },
        };
      }),
    };
  }
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
