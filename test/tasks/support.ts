/** What tests of forecasters share. */
import { expect } from '@jest/globals';
import type { Window } from '../../src/data/series/windows.js';
import { Forecaster } from '../../src/tasks/forecaster.js';
import { type ForecastingData, parseCsv } from '../../src/tasks/index.js';

/** A table with one column. */
export const column = (values: readonly unknown[], name = 'y') => parseCsv(`${name}\n${values.join('\n')}`);
export const near = (value: number) => expect.closeTo(value, 9);
export const DAY = 86_400_000;
/** The date of a row: the first is 1970-01-01. */
export const dateOf = (row: number): string => new Date(row * DAY).toISOString().slice(0, 10);

/** A forecaster that predicts these quantiles for each row of the horizon. */
export class Constant extends Forecaster {
  private readonly row: readonly number[];

  constructor(data: ForecastingData, row: readonly number[]) {
    super({ models: [], pipeline: data.pipeline, calibration: null, context: [] });
    this.row = row;
  }

  override async predict(windows: readonly Window[]): Promise<Float64Array[]> {
    const { horizon } = this.pipeline.settings;
    return windows.map(() => Float64Array.from(Array.from({ length: horizon }, () => this.row).flat()));
  }
}
