import { backtest } from '../tasks/index.js';
import { defineCommand, UsageError } from './command.js';
import { loadForecaster } from './forecast/load.js';
import { readTable } from './forecast/read-table.js';
import { printBacktest } from './forecast/report.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';

export const backtestCommand = defineCommand({
  name: 'backtest',
  summary: 'Tests a forecaster on the test part of its table, next to simple baselines on the same windows.',
  arguments: [
    { name: 'MODEL', help: 'a run directory or a model file' },
    { name: '[FILE]', help: 'the table, also with newer rows; default: that of the training' },
  ],
  options: OUTPUT_OPTIONS,
  examples: [{ does: 'compare a forecaster with baselines', line: 'unspool backtest runs/births' }],
  async run([model, file], options) {
    const out = createOutput(options);
    const { forecaster, table, decimal } = await loadForecaster(model!);
    const source = file ?? table;
    if (source === null) throw new UsageError('missing FILE: the table that the model was trained on.');
    const report = await backtest(forecaster, forecaster.data(await readTable(source, { decimal })));
    out.record({ kind: 'backtest', model, file: source, ...report });
    printBacktest(report, out);
    return 0;
  },
});
