/** Text tables for a terminal. */
import type { Table } from '../../lab/experiments/experiment.js';
import { wrapped } from '../wrap.js';

/** The last column has at least this width. */
const MIN_LAST = 20;

/** Columns are as wide as their longest entry; columns of numbers are right-aligned. In a terminal, the last column is wrapped. */
export function tableText({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const all = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const right = columns.map((_, i) => rows.length > 0 && rows.every((row) => /^[-\d.,e+]*$/.test(String(row[i]))));
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = process.stdout.columns ? Math.max(MIN_LAST, process.stdout.columns - before) : Number.POSITIVE_INFINITY;
  return all
    .flatMap((row) => {
      const cells = row.map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
      const [first = '', ...more] = wrapped(cells.at(-1)!.trimEnd(), last);
      const lines = [[...cells.slice(0, -1), first].join('  '), ...more.map((line) => ' '.repeat(before) + line)];
      return lines.map((line) => line.trimEnd());
    })
    .join('\n');
}

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** Rows as CSV, or as a table for the terminal. */
export const rowsText = (
  { columns, rows }: { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] },
  csv: boolean,
): string =>
  csv ? [columns, ...rows].map((row) => row.map(quoted).join(',')).join('\n') : tableText({ columns, rows });

/** The numbers of a row with a date. */
interface DatedNumbers<Row> {
  /** Whether a row starts with the name of its series. */
  readonly hasNames: boolean;
  readonly columns: readonly string[];
  readonly of: (row: Row) => readonly number[];
  /** Significant digits. */
  readonly digits: number;
}

/** Rows with a date and numbers as CSV, or as a table for the terminal. */
export function datedText<Row extends { readonly series: string; readonly date: string }>(
  rows: readonly Row[],
  { hasNames, columns, of, digits }: DatedNumbers<Row>,
  csv: boolean,
): string {
  const named = (name: string): string[] => (hasNames ? [name] : []);
  const shown = (value: number): string => String(Number(value.toPrecision(digits)));
  const cells = rows.map((row) => [...named(row.series), row.date, ...of(row).map(shown)]);
  return rowsText({ columns: [...named('series'), 'date', ...columns], rows: cells }, csv);
}
