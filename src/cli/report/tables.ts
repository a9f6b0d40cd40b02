/** Text tables for a terminal. */
import type { Table } from '../../lab/experiments/experiment.js';

/** Columns are as wide as their longest entry; columns of numbers are right-aligned. */
export function tableText({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const all = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const right = columns.map((_, i) => rows.length > 0 && rows.every((row) => /^[-\d.,e+]*$/.test(String(row[i]))));
  return all
    .map((row) =>
      row
        .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
