/** `unspool eval`: measures a model. */
import { loadModel, readText } from '../../node/index.js';
import { type LanguageModelReport, testLanguageModel } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { evaluateLabeler } from '../labels/evaluate.js';
import { labelerIn } from '../labels/load.js';
import { createOutput, grouped, type Output, type OutputFlags } from '../output.js';
import { requireVocabulary, withDataName } from '../text-model.js';
import { baselineTable } from '../train/baselines.js';
import { DEFAULTS } from '../train/settings.js';

interface EvalOptions extends OutputFlags {
  readonly validationSplit: number;
  readonly batchSize: number;
}

const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

/** Prints the measures. Returns the exit code. */
export async function runEval([file, textFile]: readonly string[], options: EvalOptions): Promise<number> {
  const out = createOutput(options);
  const loaded = await loadModel(file!);
  const labeler = labelerIn(loaded);
  if (labeler) {
    await evaluateLabeler(labeler, { model: file!, file: textFile }, out);
    return 0;
  }
  if (textFile === undefined) throw new UsageError('missing FILE: a UTF-8 text file.');
  const vocabulary = requireVocabulary(file!, loaded);
  const text = await readText(textFile);
  const tokens = withDataName(textFile, () => vocabulary.encode(text));
  const cut = Math.floor(tokens.length * (1 - options.validationSplit));
  const { steps } = DEFAULTS;
  const settings = { batchSize: options.batchSize, steps, ...(cut > 0 && { train: tokens.subarray(0, cut) }) };
  const report = await withDataName(textFile, () => testLanguageModel(loaded.model, tokens.subarray(cut), settings));
  out.record({ kind: 'eval', ...report });
  printTest(report, textFile, out);
  return 0;
}

function printTest(report: LanguageModelReport, file: string, out: Output): void {
  const { loss, bitsPerCharacter, bitsInterval, accuracy, accuracyInterval, baselines } = report;
  const within = (range: LanguageModelReport['bitsInterval'], show: (value: number) => string): string =>
    range ? `   95 % interval ${show(range[0])} to ${show(range[1])}` : '';
  const fixed = (value: number): string => value.toFixed(4);
  out.print(`loss                ${fixed(loss)} nats per character`);
  out.print(`perplexity          ${report.perplexity.toFixed(3)}`);
  out.print(`bits per character  ${fixed(bitsPerCharacter)}${within(bitsInterval, fixed)}`);
  out.print(`accuracy            ${percent(accuracy)}${within(accuracyInterval, percent)}`);
  out.print(`top-5 accuracy      ${percent(report.top5Accuracy)}`);
  out.print(`characters          ${grouped(report.characters)} predicted`);
  if (baselines) out.print(baselineTable(baselines, bitsPerCharacter));
  else {
    out.print(
      `No baseline: all of ${file} was tested. With --validation-split below 1, n-grams are counted in the text before`,
    );
    out.print('the part that is tested.');
  }
}
