/** `unspool predict`: labels of texts, or a forecast. */
import { loadModel } from '../../node/index.js';
import { UsageError } from '../command.js';
import { forecasterIn } from '../forecast/load.js';
import { readTable } from '../forecast/read-table.js';
import { labelerIn } from '../labels/load.js';
import { predictLabels } from '../labels/predict.js';
import { createOutput, type OutputFlags } from '../output.js';
import { tableText } from '../report/tables.js';

interface PredictOptions extends OutputFlags {
  readonly next: number | undefined;
  readonly method: string;
  readonly coverage: number | undefined;
  readonly text: string | undefined;
  readonly csv: boolean;
}

const quoted = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);

/** Prints the predictions. Returns the exit code. */
export async function runPredict(
  [model, file]: readonly string[],
  { next, method, coverage, text: given, csv, ...flags }: PredictOptions,
): Promise<number> {
  const out = createOutput(flags);
  const loaded = await loadModel(model!);
  const labeler = labelerIn(loaded);
  if (labeler) {
    const unused = next !== undefined ? '--next' : coverage !== undefined ? '--coverage' : null;
    if (unused) throw new UsageError(`${unused} has no effect on a classifier or a tagger.`);
    await predictLabels(labeler, { file, text: given, csv }, out);
    return 0;
  }
  if (given !== undefined) throw new UsageError('--text has no effect on a forecaster.');
  const { forecaster, decimal } = await forecasterIn(model!, loaded);
  const rows = await forecaster.forecast({
    method: method as 'direct' | 'recursive',
    ...(next !== undefined && { next }),
    ...(coverage !== undefined && { coverage }),
    ...(file !== undefined && { table: await readTable(file, { decimal }) }),
  });
  for (const row of rows) out.record({ kind: 'forecast', ...row });
  const hasNames = rows.some(({ series }) => series !== '');
  const columns = [...(hasNames ? ['series'] : []), 'date', 'median', 'low', 'high'];
  const exact = (value: number): string => String(Number(value.toPrecision(csv ? 9 : 6)));
  const cells = rows.map(({ series, date, median, low, high }) => [
    ...(hasNames ? [series] : []),
    date,
    ...[median, low, high].map(exact),
  ]);
  out.print(
    csv ? [columns, ...cells].map((row) => row.map(quoted).join(',')).join('\n') : tableText({ columns, rows: cells }),
  );
  return 0;
}
