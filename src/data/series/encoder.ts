/** Turns windows of a series into the inputs, targets and weights of a model, and its output back into the user's units. */
import { isKeyOf } from '../../checks.js';
import { invalidData } from '../../errors.js';
import { CALENDAR } from './calendar.js';
import { type Frequency, timeOfIndex } from './frequency.js';
import type { ForecastingSettings } from './options.js';
import { type Scaler, scaled, unscaled } from './scaler.js';
import { knownColumns, type Series } from './series.js';

/** The scalers of a series: the target's, then those of `inputs`, then of the table's columns in `known`. */
export type Scalers = readonly Scaler[];

/** The names of the inputs of each time step, in order. */
export function inputNames({ target, inputs, known, lags, missing }: ForecastingSettings): string[] {
  return [
    target,
    'is predicted',
    ...(missing === 'mask' ? [`${target} is missing`] : []),
    ...inputs,
    ...lags.map((lag) => `${target} ${lag} rows before`),
    ...knownColumns(known),
    ...known.flatMap((name) => (isKeyOf(CALENDAR, name) ? CALENDAR[name].columns : [])),
  ];
}

/** One window in the arrays of a batch: its number in the batch, and the first row that it predicts. */
export interface WindowPlace {
  readonly origin: number;
  readonly index: number;
}

/** The arrays of a batch of `count` windows, time-major. */
export interface WindowArrays {
  readonly count: number;
  /** [T, N, D]. */
  readonly inputs: Float32Array;
  /** [T, N]. */
  readonly targets: Float32Array;
  /** [T, N]: 1 for rows to predict, 0 for the history and for missing values. */
  readonly weights: Float32Array;
}

/** A series with its scalers: the values of the model for every row. */
export class SeriesEncoder {
  readonly series: Series;
  private readonly settings: ForecastingSettings;
  private readonly target: Scaler;
  /** The scaled columns: target, `inputs`, then known ones. */
  private readonly columns: readonly Float64Array[];
  private readonly calendars: readonly (readonly (readonly number[])[])[];

  constructor(series: Series, scalers: Scalers, frequency: Frequency, settings: ForecastingSettings) {
    this.series = series;
    this.settings = settings;
    this.target = scalers[0]!;
    this.columns = series.values.map((values, i) => values.map((value) => scaled(scalers[i]!, value)));
    const groups = settings.known.flatMap((name) => (isKeyOf(CALENDAR, name) ? [CALENDAR[name]] : []));
    this.calendars = Array.from({ length: series.length + settings.horizon }, (_, row) =>
      groups.map((group) => group.values(timeOfIndex(frequency, series.start, row))),
    );
  }

  /** The mean of the `level` scaled targets before a row; 0 without levels, or if all are missing. */
  levelBefore(row: number): number {
    const { level } = this.settings;
    const target = this.columns[0]!;
    let [sum, count] = [0, 0];
    for (let i = row - level; i < row; i++) {
      const value = target[i]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
    return count > 0 ? sum / count : 0;
  }

  /** Writes a window. Returns whether a value that it reads or predicts is missing. */
  write({ origin, index }: WindowPlace, { count, inputs, targets, weights }: WindowArrays): boolean {
    const { history, horizon, lags, missing, inputs: past } = this.settings;
    const target = this.columns[0]!;
    const level = this.levelBefore(origin);
    const lagLevels = lags.map((lag) => this.levelBefore(origin - lag));
    const width = inputs.length / ((history + horizon) * count);
    let isIncomplete = false;
    const orZero = (value: number | undefined): number => {
      if (value !== undefined && !Number.isNaN(value)) return value;
      isIncomplete = true;
      return 0;
    };
    for (let t = 0; t < history + horizon; t++) {
      const row = origin - history + t;
      const isFuture = t >= history;
      const isMissing = Number.isNaN(target[row] ?? Number.NaN);
      let at = (t * count + index) * width;
      inputs[at++] = isFuture ? 0 : orZero(target[row]! - level);
      inputs[at++] = isFuture ? 1 : 0;
      if (missing === 'mask') inputs[at++] = !isFuture && isMissing ? 1 : 0;
      for (let c = 1; c <= past.length; c++) inputs[at++] = isFuture ? 0 : orZero(this.columns[c]![row]);
      lags.forEach((lag, i) => {
        inputs[at++] = orZero(target[row - lag]! - lagLevels[i]!);
      });
      for (let c = 1 + past.length; c < this.columns.length; c++) inputs[at++] = orZero(this.columns[c]![row]);
      for (const values of this.calendars[row] ?? []) {
        inputs.set(values, at);
        at += values.length;
      }
      if (!isFuture) continue;
      if (row < this.series.length) targets[t * count + index] = orZero(target[row]! - level);
      weights[t * count + index] = isMissing ? 0 : 1;
    }
    return isIncomplete;
  }

  /** Throws `INVALID_DATA` unless the inputs that are known ahead have a value for each row of the horizon. */
  requireKnown(origin: number): void {
    const { horizon, inputs, known } = this.settings;
    knownColumns(known).forEach((name, i) => {
      const column = this.columns[1 + inputs.length + i]!;
      for (let row = origin; row < origin + horizon; row++) {
        if (!Number.isNaN(column[row] ?? Number.NaN)) continue;
        throw invalidData(
          `column "${name}"`,
          `is known ahead, but has no value ${row - origin + 1} rows after the last target.`,
          `Add ${horizon} rows at the end of the table with "${name}", and without the target.`,
        );
      }
    });
  }

  /** A value of the model's output, for a window that predicts from `level`, in the units of the column. */
  decode(value: number, level: number): number {
    return unscaled(this.target, value + level);
  }
}
