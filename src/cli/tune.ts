import { defineCommand } from './command.js';
import { TUNE_OPTIONS } from './tune/options.js';

export const tuneCommand = defineCommand({
  name: 'tune',
  summary:
    'Searches for the best settings of unspool train, in parallel. The same command continues an interrupted search.',
  arguments: [
    {
      name: 'CONFIG',
      help: 'a configuration of unspool train in which settings are {"from", "to", "scale"} or {"choices"}',
    },
    { name: '[FILE]', help: 'a text, a table or samples; optional if the configuration names it' },
  ],
  options: TUNE_OPTIONS,
  savesFiles: true,
  examples: [
    {
      does: 'search for twenty minutes, and continue later',
      line: 'unspool tune search.json novel.txt --trials 100 --budget 20m',
    },
    { does: 'train all trials to their end', line: 'unspool tune search.json novel.txt --method random --trials 10' },
    { does: 'compare classifiers by the mean of 5 folds', line: 'unspool tune classifier.json names.csv --folds 5' },
  ],
  async run(args, options) {
    const { runTune } = await import('./tune/run.js');
    return runTune(args, options);
  },
});
