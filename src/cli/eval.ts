import { FORMER_SETTINGS } from '../interop/former-settings.js';
import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';
import { number } from './settings.js';
import { TRAIN_SETTINGS } from './train/settings.js';

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
  async run(args, options) {
    return (await import('./eval/run.js')).runEval(args, options);
  },
});
