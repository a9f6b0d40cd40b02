/** Splits a series by time: training, then validation, then test. */
import { invalidData } from '../../errors.js';
import type { ForecastingSettings } from './options.js';
import type { Series } from './series.js';

/** The names of the parts, in order of time. */
export const PARTS = ['train', 'validation', 'test'] as const;
export type PartName = (typeof PARTS)[number];

/** Rows `from` to `to` - 1. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

export type Split = Readonly<Record<PartName, Part>>;

/** The first row that a window can predict: before it are its history, its lags and the rows of its levels. */
export const firstOrigin = ({ history, level, lags }: ForecastingSettings): number =>
  Math.max(history, level) + Math.max(0, ...lags);

/** Rows before the first prediction as text: `56 of history`, and of lags. */
function needText(settings: ForecastingSettings): string {
  const { history, level, lags, horizon } = settings;
  const lag = Math.max(0, ...lags);
  return `${Math.max(history, level)} of history${lag > 0 ? `, ${lag} of lags` : ''} and ${horizon} to predict`;
}

/** The parts of a series. Throws `INVALID_DATA` if the training part is shorter than one window. */
export function splitSeries(series: Series, settings: ForecastingSettings, what: string): Split {
  const { length } = series;
  const { test, validation, horizon } = settings;
  const rowsOf = (share: number): number => (share < 1 ? Math.floor(share * length) : share);
  const testFrom = length - rowsOf(test);
  const validationFrom = testFrom - rowsOf(validation);
  const needed = firstOrigin(settings) + horizon;
  const name = series.name === '' ? what : `${what}, series "${series.name}"`;
  if (validationFrom < needed) {
    const kept = length - Math.max(0, validationFrom);
    throw invalidData(
      name,
      `has ${length} rows; ${kept} of them are for validation and test. The training part needs at least ${needed} rows: ${needText(settings)}.`,
      `Give at least ${needed + kept} rows, or lower history, lags, validation or test.`,
    );
  }
  for (const [part, rows] of [
    ['validation', testFrom - validationFrom],
    ['test', length - testFrom],
  ] as const) {
    if (rows === 0 || rows >= horizon) continue;
    throw invalidData(
      name,
      `has ${rows} rows in its ${part} part, but a window predicts ${horizon}.`,
      `Set ${part} to 0 or to at least ${horizon} rows.`,
    );
  }
  return {
    train: { from: 0, to: validationFrom },
    validation: { from: validationFrom, to: testFrom },
    test: { from: testFrom, to: length },
  };
}

/** The first predicted rows of a part's windows. All rows that they predict belong to the part; their history may be earlier. */
export function originsOf(part: Part, settings: ForecastingSettings, stride: number): number[] {
  const first = Math.max(part.from, firstOrigin(settings));
  const count = Math.max(0, Math.floor((part.to - settings.horizon - first) / stride) + 1);
  return Array.from({ length: count }, (_, i) => first + i * stride);
}
