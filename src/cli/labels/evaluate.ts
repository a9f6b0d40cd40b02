/** `unspool eval` for classifiers and taggers: the test part of the training data with baselines, or another labeled file. */
import { type LabelReport, Table, testLabeler } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import type { Output } from '../output.js';
import { isSameFile } from '../paths.js';
import type { LoadedLabeler } from './load.js';
import { readSource } from './read.js';
import { printReport } from './report.js';

/** Tests the model. Without a file, or with that of the training, on its test part. */
export async function evaluateLabeler(
  { labeler, table, testFile, decimal }: LoadedLabeler,
  { model, file }: { readonly model: string; readonly file: string | undefined },
  out: Output,
): Promise<void> {
  const { isPlain } = labeler.pipeline;
  const source = file ?? table;
  if (source === null)
    throw new UsageError('missing FILE: the data that the model was trained on, or other labeled data.');
  const isTraining = file === undefined || (table !== null && (await isSameFile(file, table)));
  const given = await readSource(source, { isPlain, decimal });
  let report: LabelReport;
  if (isTraining) {
    const test =
      testFile === undefined ? undefined : ((await readSource(testFile, { isPlain: false, decimal })) as Table);
    report = await testLabeler(labeler, labeler.data(given, test));
  } else if (given instanceof Table) report = await testLabeler(labeler, given);
  else throw new UsageError(`a tagger of plain text is tested on the end of the text of its training, ${table}.`);
  out.record({ kind: 'eval', model, file: source, ...report });
  out.print(isTraining ? `The test part of ${source}` : `All of ${source}`);
  printReport(report, out);
}
