import { invalidSetting } from '../errors.js';
import { bitsPerCharacter, ClassificationMetrics, evaluate, perplexity, validationStreams } from '../index.js';
import { loadModel, readText } from '../node/index.js';
import type { Command } from './command.js';
import { naming } from './naming.js';
import { createOutput, grouped, OUTPUT_OPTIONS } from './output.js';
import { requireVocabulary } from './sample.js';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const evalCommand: Command = {
  name: 'eval',
  summary: 'Measures how well a model predicts a text: loss, perplexity, bits per character, accuracy.',
  arguments: [
    { name: 'MODEL', help: 'a model file or checkpoint' },
    { name: 'TEXT', help: 'a UTF-8 text file' },
  ],
  options: {
    validationSplit: { type: 'number', value: 'SHARE', help: 'only this last share of the text', standard: 1 },
    batchSize: { type: 'integer', help: 'streams that the text is read in, side by side', standard: 32 },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'the whole of a text', line: 'unspool eval model.safetensors other.txt' },
    {
      does: 'the part that training held out',
      line: 'unspool eval model.safetensors novel.txt --validation-split 0.1',
    },
  ],
  async run([file, textFile], options) {
    const out = createOutput(options);
    const { validationSplit = 1, batchSize = 32 } = options as Record<string, number | undefined>;
    if (!(validationSplit > 0 && validationSplit <= 1)) {
      const problem = `should be over 0 and at most 1, but is ${validationSplit}.`;
      throw invalidSetting('validationSplit', problem);
    }
    if (batchSize < 1) throw invalidSetting('batchSize', 'should be at least 1.');
    const loaded = await loadModel(file!);
    const vocabulary = requireVocabulary(file!, loaded);
    const text = await readText(textFile!);
    const tokens = naming(textFile!, () => vocabulary.encode(text));
    const part = tokens.subarray(Math.floor(tokens.length * (1 - validationSplit)));
    const source = naming(textFile!, () => validationStreams(part, batchSize, 64));
    const said = new ClassificationMetrics(loaded.model.outputSize, { topK: 5 });
    const loss = await evaluate(loaded.model, source, 'crossEntropy', (logits, { targets }) =>
      said.add(logits, targets),
    );
    const predicted = source.predictions;
    const result = {
      loss,
      perplexity: perplexity(loss),
      bitsPerCharacter: bitsPerCharacter(loss),
      accuracy: said.accuracy,
      top5Accuracy: said.topKAccuracy,
      characters: predicted,
    };
    out.record({ kind: 'eval', ...result });
    out.say(`loss                ${loss.toFixed(4)} nats`);
    out.say(`perplexity          ${result.perplexity.toFixed(3)}`);
    out.say(`bits per character  ${result.bitsPerCharacter.toFixed(4)}`);
    out.say(`accuracy            ${percent(said.accuracy)} right, ${percent(said.topKAccuracy)} among the first five`);
    out.say(`characters          ${grouped(predicted)} predicted`);
    return 0;
  },
};
