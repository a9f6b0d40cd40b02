/** Tasks over a time series: predict the next value of one column. */
import { createRng } from 'unspool';
import type { Settings } from '../../settings.js';
import { type Series, singleWindow, windowSource } from './sources.js';
import { type FetchText, MAX_SEQUENCES, round, type Task, type UserTable } from './task.js';

const TRAINING_SHARE = 0.9;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

export function sineTask(settings: Settings): Task {
  const random = createRng(settings.seed, 'sine');
  const rows = Array.from({ length: 3000 }, (_, t) =>
    Float64Array.of(Math.sin(t / 4) + 0.6 * Math.sin(t / 13 + 1) + 0.08 * random.normal()),
  );
  return seriesTask(settings, 'Two sine waves plus noise: predict the next value.', { rows, target: 0 }, ['y']);
}

export async function birthsTask(settings: Settings, fetchText: FetchText): Promise<Task> {
  const text = await fetchText('us-births-1969-1988.csv');
  const rows = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [, , , day, count] = line.split(',').map(Number);
      return Float64Array.from([...WEEKDAYS.map((_, i) => (i + 1 === day ? 1 : 0)), count!]);
    });
  const description = 'Births per day in the US, 1969 to 1988: predict the number of the next day.';
  return seriesTask(settings, description, { rows, target: WEEKDAYS.length }, [...WEEKDAYS, 'births']);
}

export function tableTask(settings: Settings, { name, columns, rows, ignored }: UserTable): Task {
  const series = { rows: rows.map((row) => Float64Array.from(row)), target: columns.length - 1 };
  const inputs = columns.length === 1 ? '' : ` from ${columns.length} columns`;
  const note = ignored.length === 0 ? '' : ` Ignored, because they have no numbers: ${ignored.join(', ')}.`;
  return seriesTask(settings, `${name}: predict the next ${columns.at(-1)}${inputs}.${note}`, series, columns);
}

/** Mean and standard deviation of a column. */
function scaleOf(rows: readonly Float64Array[], column: number): { mean: number; std: number } {
  const values = rows.map((row) => row[column]!);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) || 1;
  return { mean, std };
}

function requireEnoughRows(count: number, cut: number, steps: number): void {
  const validation = count - cut;
  if (validation >= steps + 3) return;
  throw new Error(
    `The series has ${count} rows. The last tenth is used for validation and is too short for windows of ${steps} steps. Set the time steps to ${Math.max(2, validation - 3)} or fewer, or provide more rows.`,
  );
}

/** Standardizes each column by its training rows; the last tenth of the rows is used for validation. */
function seriesTask(settings: Settings, description: string, series: Series, names: readonly string[]): Task {
  const { batchSize, steps } = settings;
  const { target } = series;
  const count = series.rows.length;
  const cut = Math.floor(count * TRAINING_SHARE);
  requireEnoughRows(count, cut, steps);
  const scales = names.map((_, column) => scaleOf(series.rows.slice(0, cut), column));
  const scaled: Series = {
    target,
    rows: series.rows.map((row) => row.map((v, i) => (v - scales[i]!.mean) / scales[i]!.std)),
  };
  const starts = count - cut - steps - 1;
  const label = (row: number): string => round(scaled.rows[row]![target]! * scales[target]!.std + scales[target]!.mean);
  return {
    description,
    data: {
      train: windowSource(scaled, { from: 0, to: cut, batchSize, steps }),
      validation: windowSource(scaled, { from: cut, to: count, batchSize, steps }),
    },
    loss: 'meanSquaredError',
    inputSize: names.length,
    inputLayers: [],
    outputSize: 1,
    outputNames: [`${names[target]} (standardized)`],
    vocabulary: null,
    sequenceCount: Math.min(MAX_SEQUENCES, Math.max(1, starts)),
    sequence(index) {
      const start = cut + Math.floor((index * starts) / MAX_SEQUENCES);
      return {
        batch: singleWindow(scaled, start, steps),
        inputLabels: Array.from({ length: steps }, (_, t) => label(start + t)),
        targetLabels: Array.from({ length: steps }, (_, t) => label(start + t + 1)),
      };
    },
  };
}
