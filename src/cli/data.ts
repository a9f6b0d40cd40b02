import { defineCommand } from './command.js';
import { FORECAST_SETTINGS } from './forecast/settings.js';
import { LABEL_FLAGS } from './labels/settings.js';
import { OUTPUT_OPTIONS } from './output.js';
import { text } from './settings.js';

const TASK = text({
  choices: ['forecasting', 'classification', 'tagging'],
  help: 'forecasting, classification or tagging',
});

export const dataCommand = defineCommand({
  name: 'data',
  summary: 'Shows what a training would make of a table, a folder or a text: columns, gaps, parts, windows or classes.',
  arguments: [
    {
      name: 'FILE',
      help: 'a table (CSV with a line of names, JSON Lines, .npy), a folder with a file per class, or a text',
    },
  ],
  options: { ...FORECAST_SETTINGS, ...LABEL_FLAGS, task: TASK, ...OUTPUT_OPTIONS },
  examples: [
    { does: 'list the columns', line: 'unspool data births.csv' },
    { does: 'show the parts and classes of a classifier', line: 'unspool data names.csv --text name --label sex' },
    {
      does: 'show the parts and windows of a forecaster',
      line: 'unspool data births.csv --date date --target births --history 28 --horizon 7',
    },
  ],
  async run(args, options) {
    return (await import('./data/run.js')).describeData(args, options);
  },
});
