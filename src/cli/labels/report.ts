/** Prints samples before a training, and tests of classifiers and taggers. */
import type { LabeledDescription, LabelReport } from '../../tasks/index.js';
import { grouped, type Output } from '../output.js';
import { tableText } from '../report/tables.js';

const MAX_CLASSES = 20;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The parts with their classes, the lengths, and examples. */
export function printSamples(
  { task, samples, classes, lengths, tokens, padding, examples }: LabeledDescription,
  out: Output,
): void {
  const isTagging = task === 'tagging';
  const { train, validation, test } = samples;
  out.print(`\nSamples: training ${grouped(train)}, validation ${grouped(validation)}, test ${grouped(test)}`);
  const steps = `${grouped(lengths.min)} to ${grouped(lengths.max)} time steps, median ${grouped(lengths.median)}`;
  out.print(`Lengths: ${steps}; ${percent(padding)} of a batch is padding.`);
  if (tokens !== null) out.print(`Vocabulary: ${grouped(tokens)}, from the training part.`);
  const rows = classes
    .slice(0, MAX_CLASSES)
    .map((one) => [one.name, ...[one.train, one.validation, one.test].map(grouped)]);
  out.print(`\n${tableText({ columns: [isTagging ? 'tag' : 'class', 'training', 'validation', 'test'], rows })}`);
  if (classes.length > MAX_CLASSES) out.print(`and ${classes.length - MAX_CLASSES} more`);
  out.print(
    `\n${tableText({ columns: ['first samples', 'label', 'input'], rows: examples.map(({ place, label, input }) => [place, label, input]) })}`,
  );
}

/** The model next to the baselines, the scores of each label, the confusion matrix and the calibration. */
export function printReport(
  { samples, labels, methods, classes, matrix, loss, calibration, warnings }: LabelReport,
  out: Output,
): void {
  const count = labels === samples ? '' : `, ${grouped(labels)} labels`;
  out.print(`\n${grouped(samples)} test samples${count}`);
  const range = ([low, high]: readonly [number, number]): string =>
    `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %`;
  out.print(
    tableText({
      columns: ['method', 'accuracy', '95 % interval', 'F1', '95 % interval'],
      rows: methods.map((one) => [
        one.name,
        percent(one.accuracy),
        range(one.accuracyInterval),
        percent(one.f1),
        range(one.f1Interval),
      ]),
    }),
  );
  const shown = classes.slice(0, MAX_CLASSES);
  const rows = shown.map(({ name, precision, recall, f1, support }) => [
    name,
    ...[precision, recall, f1].map(percent),
    grouped(support),
  ]);
  out.print(`\n${tableText({ columns: ['label', 'precision', 'recall', 'F1', 'number'], rows })}`);
  if (classes.length <= MAX_CLASSES) {
    const columns = ['label \\ predicted', ...classes.map(({ name }) => name)];
    out.print(`\n${tableText({ columns, rows: matrix.map((row, k) => [classes[k]!.name, ...row.map(grouped)]) })}`);
  }
  out.print(`\nCross-entropy ${loss.toFixed(4)} nats; expected calibration error ${percent(calibration.ece)}`);
  for (const warning of warnings) out.print(`Warning: ${warning}`);
}
