/** What `unspool data` and a training print of a table: the split, drawn, with its windows. */
import type { DataDescription } from '../../tasks/index.js';
import { grouped, type Output } from '../output.js';
import { tableText } from '../report/tables.js';

const WIDTH = 60;
const MAX_LISTED = 5;
const MARKS = { train: '*', validation: 'x', test: '-' } as const;
type PartName = keyof typeof MARKS;
const PARTS = Object.keys(MARKS) as PartName[];

type SeriesDescription = DataDescription['series'][number];

/** The parts of a series as a bar of `*`, `x` and `-`. */
function bar(series: SeriesDescription): string {
  let [rows, text] = [0, ''];
  for (const part of PARTS) {
    rows += series[part]?.rows ?? 0;
    const end = Math.round((WIDTH * rows) / series.rows);
    text += MARKS[part].repeat(Math.max(end - text.length, (series[part]?.rows ?? 0) > 0 ? 1 : 0));
  }
  return text;
}

function printSeries(series: SeriesDescription, { windows, series: all }: DataDescription, out: Output): void {
  const name = series.name === '' ? '' : `${series.name}: `;
  out.print(`\n${name}${grouped(series.rows)} rows, ${series.from} to ${series.to}\n  ${bar(series)}`);
  for (const part of PARTS) {
    const rows = series[part];
    const count = all.length === 1 ? `, ${grouped(windows[part])} windows` : '';
    const text = rows ? `${grouped(rows.rows)} rows, ${rows.from} to ${rows.to}${count}` : 'none';
    out.print(`  ${MARKS[part]} ${part.padEnd(12)}${text}`);
  }
}

export function printData(
  description: DataDescription,
  { history, horizon }: { history: number; horizon: number },
  out: Output,
) {
  const { frequency, gaps, missing, dropped, series, samples, windows, shortest } = description;
  out.print(
    `\nFrequency: ${frequency}. Gaps: ${gaps.length === 0 ? 'none' : gaps.length}. Missing values: ${grouped(missing)}.`,
  );
  for (const { series: name, from, to, rows, afterLine } of gaps.slice(0, MAX_LISTED)) {
    out.print(`  ${name === '' ? '' : `${name}: `}${from} to ${to}, ${rows} rows, after line ${afterLine}`);
  }
  if (gaps.length > MAX_LISTED) out.print(`  and ${gaps.length - MAX_LISTED} more`);
  for (const one of series.slice(0, MAX_LISTED)) printSeries(one, description, out);
  if (series.length > MAX_LISTED) out.print(`and ${series.length - MAX_LISTED} more series`);
  if (series.length > 1) {
    out.print(`\nWindows: ${PARTS.map((part) => `${part} ${grouped(windows[part])}`).join(', ')}`);
  }
  if (dropped > 0) out.print(`${grouped(dropped)} windows are left out because they miss a value.`);
  out.print(
    `\nA window reads ${history} rows and predicts ${horizon}. A training part needs at least ${grouped(shortest)} rows.`,
  );
  const rows = samples.map(({ part, series: name, reads, predicts }) => [
    ...(series.length > 1 ? [name] : []),
    ...[part, reads.join(' to '), predicts.join(' to ')],
  ]);
  out.print(
    tableText({
      columns: [...(series.length > 1 ? ['series'] : []), 'first and last windows', 'read', 'predict'],
      rows,
    }),
  );
}
