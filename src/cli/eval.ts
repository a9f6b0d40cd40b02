import { bitsPerCharacter, ClassificationMetrics, evaluate, perplexity, validationStreams } from '../index.js';
import { FORMER_SETTINGS } from '../interop/version-1.js';
import { loadModel, readText } from '../node/index.js';
import { defineCommand, UsageError } from './command.js';
import { evaluateLabeler } from './labels/evaluate.js';
import { labelerIn } from './labels/load.js';
import { createOutput, grouped, OUTPUT_OPTIONS } from './output.js';
import { number } from './settings.js';
import { requireVocabulary, withDataName } from './text-model.js';
import { DEFAULTS, TRAIN_SETTINGS } from './train/settings.js';

const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

const { group: _, ...batchSize } = TRAIN_SETTINGS.batchSize;

const OPTIONS = {
  validationSplit: number({
    default: 1,
    min: 0.001,
    max: 1,
    placeholder: 'FRACTION',
    help: 'evaluate only this fraction of the text, from its end',
    formerName: FORMER_SETTINGS.validationSplit,
  }),
  batchSize,
  ...OUTPUT_OPTIONS,
};

export const evalCommand = defineCommand({
  name: 'eval',
  summary: 'Measures how well a model predicts a text, or the labels of a classifier or a tagger.',
  arguments: [
    { name: 'MODEL', help: 'a run directory, model file or checkpoint' },
    {
      name: '[FILE]',
      help: 'a UTF-8 text; for a classifier or a tagger labeled data, by default the test part of its training',
    },
  ],
  options: OPTIONS,
  examples: [
    { does: 'evaluate on a whole text', line: 'unspool eval model.safetensors other.txt' },
    { does: 'test a classifier, next to baselines', line: 'unspool eval runs/names' },
    {
      does: 'evaluate on the part that the training kept for validation',
      line: 'unspool eval model.safetensors novel.txt --validation-split 0.1',
    },
  ],
  async run([file, textFile], options) {
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
    const part = tokens.subarray(Math.floor(tokens.length * (1 - options.validationSplit)));
    const source = withDataName(textFile, () => validationStreams(part, options.batchSize, DEFAULTS.steps));
    const metrics = new ClassificationMetrics(loaded.model.outputSize, { topK: 5 });
    const loss = await evaluate(loaded.model, source, 'crossEntropy', (logits, { targets }) =>
      metrics.add(logits, targets),
    );
    const result = {
      loss,
      perplexity: perplexity(loss),
      bitsPerCharacter: bitsPerCharacter(loss),
      accuracy: metrics.accuracy,
      top5Accuracy: metrics.topKAccuracy,
      characters: source.predictions,
    };
    out.record({ kind: 'eval', ...result });
    out.print(`loss                ${loss.toFixed(4)} nats per character`);
    out.print(`perplexity          ${result.perplexity.toFixed(3)}`);
    out.print(`bits per character  ${result.bitsPerCharacter.toFixed(4)}`);
    out.print(`accuracy            ${percent(result.accuracy)}`);
    out.print(`top-5 accuracy      ${percent(result.top5Accuracy)}`);
    out.print(`characters          ${grouped(result.characters)} predicted`);
    return 0;
  },
});
