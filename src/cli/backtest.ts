import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';

export const backtestCommand = defineCommand({
  name: 'backtest',
  summary: 'Tests a forecaster on the test part of its table, next to simple baselines on the same windows.',
  arguments: [
    { name: 'MODEL', help: 'a run directory or a model file' },
    { name: '[FILE]', help: 'the table, also with newer rows; default: that of the training' },
  ],
  options: OUTPUT_OPTIONS,
  examples: [{ does: 'compare a forecaster with baselines', line: 'unspool backtest runs/births' }],
  async run(args, options) {
    return (await import('./backtest/run.js')).runBacktest(args, options);
  },
});
