/** `unspool data`: describes data before a training. */
import { forecasting } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { printData } from '../forecast/describe.js';
import { readTable } from '../forecast/read-table.js';
import { type ForecastSettings, forecastingOptionsOf } from '../forecast/settings.js';
import { labelTaskOf, readData } from '../labels/read.js';
import { printSamples } from '../labels/report.js';
import type { LabelFlags } from '../labels/settings.js';
import { createOutput, grouped, type OutputFlags } from '../output.js';
import { tableText } from '../report/tables.js';
import { describeText } from './text.js';

type DataOptions = ForecastSettings & LabelFlags & OutputFlags & { readonly task: string | undefined };

/** Prints the description. Returns the exit code. */
export async function describeData([file]: readonly string[], options: DataOptions): Promise<number> {
  const out = createOutput(options);
  const task = await labelTaskOf(file, options);
  if (task !== null) {
    const description = (await readData(task, file!, options)).data.describe();
    out.record({ kind: 'data', file, ...description });
    out.print(`${file}: ${task}`);
    printSamples(description, out);
    return 0;
  }
  if (options.target === undefined && options.task === undefined && (await describeText(file!, out))) return 0;
  const table = await readTable(file!, options);
  const columns = table.describe();
  out.print(`${file}: ${grouped(table.rows)} rows, ${columns.length} columns`);
  const rows = columns.map(({ name, type, missing, distinct, first }) => [name, type, missing, distinct, first]);
  out.print(tableText({ columns: ['column', 'type', 'missing', 'distinct', 'first'], rows }));
  const { target, history, horizon } = options;
  if (target === undefined) {
    out.record({ kind: 'data', file, rows: table.rows, columns });
    out.print('\nTo see parts and windows, add --target, --history and --horizon, and --date for dates.');
    return 0;
  }
  if (history === undefined || horizon === undefined) {
    throw new UsageError('--target needs --history and --horizon: the rows that a forecast reads and predicts.');
  }
  const description = forecasting(table, forecastingOptionsOf(options)).describe();
  out.record({ kind: 'data', file, rows: table.rows, columns, ...description });
  printData(description, { history, horizon }, out);
  return 0;
}
