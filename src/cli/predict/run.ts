/** `unspool predict`: labels of texts, or a forecast. */
import { loadModel } from '../../node/index.js';
import { UsageError } from '../command.js';
import { printAnomalies } from '../forecast/anomalies.js';
import { forecasterIn } from '../forecast/load.js';
import { readTable } from '../forecast/read-table.js';
import { labelerIn } from '../labels/load.js';
import { predictLabels } from '../labels/predict.js';
import { createOutput, type OutputFlags } from '../output.js';
import { datedText } from '../report/tables.js';

interface PredictOptions extends OutputFlags {
  readonly next: number | undefined;
  readonly method: string;
  readonly coverage: number | undefined;
  readonly text: string | undefined;
  readonly anomalies: number | undefined;
  readonly csv: boolean;
}

/** Prints the predictions. Returns the exit code. */
export async function runPredict(
  [model, file]: readonly string[],
  { next, method, coverage, text: given, anomalies: share, csv, ...flags }: PredictOptions,
): Promise<number> {
  const out = createOutput(flags);
  const loaded = await loadModel(model!);
  const labeler = labelerIn(loaded);
  if (labeler) {
    const [unused] = Object.entries({ next, coverage, anomalies: share }).find(([, one]) => one !== undefined) ?? [];
    if (unused) throw new UsageError(`--${unused} has no effect on a classifier or a tagger.`);
    await predictLabels(labeler, { file, text: given, csv }, out);
    return 0;
  }
  if (given !== undefined) throw new UsageError('--text has no effect on a forecaster.');
  const forecasting = await forecasterIn(model!, loaded);
  if (share !== undefined) {
    const [unused] = Object.entries({ next, coverage }).find(([, one]) => one !== undefined) ?? [];
    if (unused) throw new UsageError(`--${unused} cannot be combined with --anomalies.`);
    await printAnomalies(forecasting, { file, share, csv }, out);
    return 0;
  }
  const { forecaster, decimal } = forecasting;
  const rows = await forecaster.forecast({
    method: method as 'direct' | 'recursive',
    ...(next !== undefined && { next }),
    ...(coverage !== undefined && { coverage }),
    ...(file !== undefined && { table: await readTable(file, { decimal }) }),
  });
  for (const row of rows) out.record({ kind: 'forecast', ...row });
  const numbers = {
    hasNames: rows.some(({ series }) => series !== ''),
    columns: ['median', 'low', 'high'],
    of: ({ median, low, high }: (typeof rows)[number]) => [median, low, high],
    digits: csv ? 9 : 6,
  };
  out.print(datedText(rows, numbers, csv));
  return 0;
}
