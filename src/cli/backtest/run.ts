/** `unspool backtest`: tests a forecaster. */
import { backtest } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { loadForecaster } from '../forecast/load.js';
import { readTable } from '../forecast/read-table.js';
import { printBacktest } from '../forecast/report.js';
import { createOutput, type OutputFlags } from '../output.js';

/** Prints the report. Returns the exit code. */
export async function runBacktest([model, file]: readonly string[], options: OutputFlags): Promise<number> {
  const out = createOutput(options);
  const { forecaster, table, decimal } = await loadForecaster(model!);
  const source = file ?? table;
  if (source === null) throw new UsageError('missing FILE: the table that the model was trained on.');
  const report = await backtest(forecaster, forecaster.data(await readTable(source, { decimal })));
  out.record({ kind: 'backtest', model, file: source, ...report });
  printBacktest(report, out);
  return 0;
}
