/** `unspool predict --anomalies`: the rows of a table that are unlike their forecasts. */
import { anomalies } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { grouped, type Output } from '../output.js';
import { datedText } from '../report/tables.js';
import type { LoadedForecaster } from './load.js';
import { readTable } from './read-table.js';

/** What is scored: a table, or that of the training. */
export interface AnomalyRequest {
  readonly file: string | undefined;
  readonly share: number;
  readonly csv: boolean;
}

/** Scores all rows, and prints those above the threshold; `--json` has all. The table of the training decides the threshold. */
export async function printAnomalies(
  { forecaster, table, decimal }: LoadedForecaster,
  { file, share, csv }: AnomalyRequest,
  out: Output,
): Promise<void> {
  if (table === null) throw new UsageError('the model file does not name the table of its training.');
  const data = forecaster.data(await readTable(table, { decimal }));
  const given = file === undefined ? {} : { table: await readTable(file, { decimal }) };
  const scored = await anomalies(forecaster, data, { share, ...given });
  for (const row of scored) out.record({ kind: 'score', ...row });
  const found = scored.filter(({ isAnomaly }) => isAnomaly);
  const numbers = {
    hasNames: scored.some(({ series }) => series !== ''),
    columns: ['value', 'expected', 'score'],
    of: ({ value, expected, score }: (typeof scored)[number]) => [value, expected, score],
    digits: 6,
  };
  out.print(datedText(found, numbers, csv));
  if (!csv) out.print(`${grouped(found.length)} of ${grouped(scored.length)} rows are anomalies.`);
}
