/** Series on a regular grid, read from a table: dates are checked, gaps are found, missing values are treated as requested. */
import { isKeyOf } from '../../checks.js';
import { invalidData } from '../../errors.js';
import type { Table } from '../table/table.js';
import { CALENDAR } from './calendar.js';
import { type Frequency, indexOfTime, inferFrequency, timeOfIndex, timeText } from './frequency.js';

/** What is done about missing values and dates. */
export type MissingPolicy = 'reject' | 'drop' | 'fill' | 'mask';

/** Which columns of a table are used, and how. */
export interface SeriesColumns {
  /** The column with the dates, or those with year, month and day. Default: none, the rows are equally spaced. */
  readonly date?: string | readonly string[];
  readonly target: string;
  /** A column whose values name the series that a row belongs to. Default: the table is one series. */
  readonly series?: string;
  /** More columns that are known up to the present only. */
  readonly inputs: readonly string[];
  /** Calendar groups, and columns that are known ahead. */
  readonly known: readonly string[];
  readonly missing: MissingPolicy;
}

/** One series on its grid. */
export interface Series {
  readonly name: string;
  /** The time of row 0. */
  readonly start: number;
  /** Rows up to the last target. */
  readonly length: number;
  /** The target, then `inputs`, then the columns of `known`: values by row, NaN where one is missing. Known ones may be longer. */
  readonly values: readonly Float64Array[];
}

/** A date that is missing: the rows of the grid between two rows of the table. */
export interface Gap {
  readonly series: string;
  /** The first and last missing dates. */
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  /** The line of the file after which the dates are missing. */
  readonly afterLine: number;
}

/** The series of a table. */
export interface SeriesTable {
  readonly frequency: Frequency;
  readonly series: readonly Series[];
  readonly gaps: readonly Gap[];
  /** Missing values of the target and the inputs, with the dates that are missing. */
  readonly missing: number;
}

/** The names in `known` that are columns of the table. */
export const knownColumns = (known: readonly string[]): string[] => known.filter((name) => !isKeyOf(CALENDAR, name));

interface Group {
  readonly name: string;
  readonly rows: number[];
}

/** The rows of each series, in the order of the table. */
function groupsOf(table: Table, column: string | undefined): Group[] {
  if (column === undefined) return [{ name: '', rows: Array.from({ length: table.rows }, (_, row) => row) }];
  const groups = new Map<string, Group>();
  table.texts(column).forEach((name, row) => {
    if (name === null) {
      throw invalidData(
        table.place(row, column),
        'is empty: the row belongs to no series.',
        'Name a series in each row.',
      );
    }
    if (!groups.has(name)) groups.set(name, { name, rows: [] });
    groups.get(name)!.rows.push(row);
  });
  return [...groups.values()];
}

/** Throws unless the dates of each series increase. */
function requireOrder(table: Table, times: Float64Array, { rows }: Group, column: string): void {
  for (let i = 1; i < rows.length; i++) {
    const [before, row] = [rows[i - 1]!, rows[i]!];
    if (times[row]! > times[before]!) continue;
    const earlier = rows.slice(0, i).find((r) => times[r] === times[row]);
    if (earlier !== undefined) {
      throw invalidData(
        table.place(row, column),
        `has the same date as line ${table.lineOf(earlier)}.`,
        'Remove one of the rows. If the table has several series, name their column as `series`.',
      );
    }
    throw invalidData(
      table.place(row, column),
      `is earlier than the date in line ${table.lineOf(before)}.`,
      'Sort the rows by date, earliest first.',
    );
  }
}

/** Throws unless all dates are on the grid. */
function requireGrid(table: Table, frequency: Frequency, times: Float64Array, { rows }: Group, column: string): void {
  for (const row of rows) {
    if (Number.isInteger(indexOfTime(frequency, times[rows[0]!]!, times[row]!))) continue;
    throw invalidData(
      table.place(row, column),
      `${timeText(frequency, times[row]!)} does not fit the frequency of the other dates.`,
      'The dates must be equally spaced. Correct the date, or aggregate the rows by day, week or month.',
    );
  }
}

function gapsOf(table: Table, frequency: Frequency, times: Float64Array, { name, rows }: Group): Gap[] {
  const start = times[rows[0]!]!;
  return rows.slice(1).flatMap((row, i) => {
    const [from, to] = [rows[i]!, row].map((r) => indexOfTime(frequency, start, times[r]!)) as [number, number];
    if (to - from <= 1) return [];
    const dateOf = (index: number): string => timeText(frequency, timeOfIndex(frequency, start, index));
    const gap = { from: dateOf(from + 1), to: dateOf(to - 1), rows: to - from - 1, afterLine: table.lineOf(rows[i]!) };
    return [{ series: name, ...gap }];
  });
}

/** The last value before each missing one. Missing values at the beginning stay. */
function filled(values: Float64Array): Float64Array {
  let last = Number.NaN;
  return values.map((value) => {
    if (!Number.isNaN(value)) last = value;
    return last;
  });
}

function requireComplete(
  table: Table,
  columns: readonly string[],
  all: readonly Float64Array[],
  gaps: readonly Gap[],
): void {
  const holes = columns.flatMap((column, i) =>
    Array.from(all[i]!.keys()).flatMap((row) => (Number.isNaN(all[i]![row]!) ? [table.place(row, column)] : [])),
  );
  const help =
    'Set missing to "fill" (the last value before), "drop" (leave out windows with a missing value) or "mask".';
  if (holes.length > 0) {
    const more = holes.length > 1 ? ` So are ${holes.length - 1} other values.` : '';
    throw invalidData(holes[0]!, `is missing.${more}`, help);
  }
  const [gap] = gaps;
  if (!gap) return;
  const more = gaps.length > 1 ? ` There are ${gaps.length - 1} other gaps.` : '';
  const dates = gap.rows === 1 ? gap.from : `${gap.from} to ${gap.to}`;
  throw invalidData(`${table.name}, after line ${gap.afterLine}`, `has no row for ${dates}.${more}`, help);
}

/** The names of the columns of numbers, in the order of a series' values. */
export const numberColumns = ({ target, inputs, known }: Pick<SeriesColumns, 'target' | 'inputs' | 'known'>) => [
  target,
  ...inputs,
  ...knownColumns(known),
];

/**
 * Reads the series of a table. Throws `INVALID_DATA` with file, line and column for dates that are unsorted, twice or not equally
 * spaced, and, if missing values are rejected, for the first of them.
 */
export function readSeries(table: Table, columns: SeriesColumns, given?: Frequency): SeriesTable {
  const { date, inputs, missing } = columns;
  const names = numberColumns(columns);
  const all = names.map((name) => table.numbers(name));
  const times = date === undefined ? Float64Array.from({ length: table.rows }, (_, row) => row) : table.times(date);
  const groups = groupsOf(table, columns.series);
  if (date === undefined)
    for (const { rows } of groups)
      rows.forEach((row, i) => {
        times[row] = i;
      });
  const dateName = date === undefined ? '' : typeof date === 'string' ? date : date.join('", "');
  for (const group of groups) requireOrder(table, times, group, dateName);
  const inferred = (): Frequency =>
    date === undefined
      ? { unit: 'row', every: 1 }
      : inferFrequency(
          groups.map(({ rows }) => rows.map((row) => times[row]!)),
          `${table.name}, column "${dateName}"`,
        );
  const frequency = given ?? inferred();
  for (const group of groups) requireGrid(table, frequency, times, group, dateName);
  const gaps = groups.flatMap((group) => gapsOf(table, frequency, times, group));
  const series = groups.map((group) => gridOf(frequency, times, group, all, 1 + inputs.length));
  const past = all.slice(0, 1 + inputs.length);
  const ends = new Set(groups.flatMap((group, g) => group.rows.slice(rowsUpTo(frequency, times, group, series[g]!))));
  const holes = past.map((column) => column.map((value, row) => (ends.has(row) ? 0 : value)));
  if (missing === 'reject') requireComplete(table, names, [...holes, ...all.slice(past.length)], gaps);
  const isFilled = missing === 'fill';
  return {
    frequency,
    gaps,
    series: isFilled ? series.map((one) => ({ ...one, values: one.values.map(filled) })) : series,
    missing:
      gaps.reduce((sum, { rows }) => sum + rows, 0) +
      holes.reduce((sum, column) => sum + column.filter(Number.isNaN).length, 0),
  };
}

/** The number of a group's rows up to the last target; later ones have only what is known ahead. */
function rowsUpTo(frequency: Frequency, times: Float64Array, { rows }: Group, { start, length }: Series): number {
  return rows.filter((row) => indexOfTime(frequency, start, times[row]!) < length).length;
}

/** Puts the rows of a group on the grid. `past` is the number of columns that end with the target. */
function gridOf(
  frequency: Frequency,
  times: Float64Array,
  { name, rows }: Group,
  all: readonly Float64Array[],
  past: number,
): Series {
  const start = times[rows[0]!]!;
  const at = rows.map((row) => indexOfTime(frequency, start, times[row]!));
  const lastTarget = rows.findLastIndex((row) => !Number.isNaN(all[0]![row]!));
  const length = lastTarget < 0 ? 0 : at[lastTarget]! + 1;
  const size = at.at(-1)! + 1;
  const values = all.map((column, c) => {
    const grid = new Float64Array(c < past ? length : size).fill(Number.NaN);
    rows.forEach((row, i) => {
      if (at[i]! < grid.length) grid[at[i]!] = column[row]!;
    });
    return grid;
  });
  return { name, start, length, values };
}
