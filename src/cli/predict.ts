import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';
import { flag, integer, number, text } from './settings.js';

export const predictCommand = defineCommand({
  name: 'predict',
  summary: 'Predicts classes and tags of texts, or the next rows of a table, with dates and intervals.',
  arguments: [
    { name: 'MODEL', help: 'a run directory or a model file of a forecaster, a classifier or a tagger' },
    {
      name: '[FILE]',
      help: 'a table, or lines of text; default: standard input, and for a forecaster the end of its training data',
    },
  ],
  options: {
    next: integer({ min: 1, max: 1 << 20, placeholder: 'ROWS', help: 'rows to predict', defaultText: 'the horizon' }),
    method: text({
      choices: ['direct', 'recursive'],
      default: 'direct',
      help: 'direct, or recursive to predict beyond the horizon from its own medians',
    }),
    coverage: number({
      min: 0,
      max: 1,
      placeholder: 'SHARE',
      help: 'share of the values that the interval is to cover',
      defaultText: 'that of the widest pair of quantiles',
    }),
    text: text({ placeholder: 'TEXT', help: 'the text to classify or to tag, instead of FILE' }),
    anomalies: number({
      min: 0,
      max: 0.99,
      placeholder: 'SHARE',
      help: 'score the rows of FILE instead: those further from their forecasts than this share of the training windows',
    }),
    csv: flag('print CSV'),
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'forecast the next 30 days', line: 'unspool predict runs/births --next 30' },
    { does: 'classify one text', line: 'unspool predict runs/names --text Marlene' },
    { does: 'classify lines of standard input', line: 'unspool predict runs/names --json' },
    { does: 'find the rows that are unlike their forecasts', line: 'unspool predict runs/births --anomalies 0.01' },
    { does: 'continue after newer rows', line: 'unspool predict runs/births new.csv --csv' },
  ],
  async run(args, options) {
    return (await import('./predict/run.js')).runPredict(args, options);
  },
});
