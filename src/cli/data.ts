import { forecasting } from '../tasks/index.js';
import { defineCommand, UsageError } from './command.js';
import { printData } from './forecast/describe.js';
import { readTable } from './forecast/read-table.js';
import { FORECAST_SETTINGS, forecastingOptionsOf } from './forecast/settings.js';
import { labelTaskOf, readData } from './labels/read.js';
import { printSamples } from './labels/report.js';
import { LABEL_FLAGS } from './labels/settings.js';
import { createOutput, grouped, OUTPUT_OPTIONS } from './output.js';
import { tableText } from './report/tables.js';
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
  async run([file], options) {
    const out = createOutput(options);
    const task = await labelTaskOf(file, options);
    if (task !== null) {
      const description = (await readData(task, file!, options)).data.describe();
      out.record({ kind: 'data', file, ...description });
      out.print(`${file}: ${task}`);
      printSamples(description, out);
      return 0;
    }
    const table = await readTable(file!, options);
    const columns = table.describe();
    out.print(`${file}: ${grouped(table.rows)} rows, ${columns.length} columns`);
    const rows = columns.map(({ name, type, missing, distinct, first }) => [name, type, missing, distinct, first]);
    out.print(tableText({ columns: ['column', 'type', 'missing', 'distinct', 'first'], rows }));
    const { target, history, horizon } = options;
    if (target === undefined) {
      out.record({ kind: 'data', file, rows: table.rows, columns });
      out.print('\nTo see parts and windows, add --target, --history and --horizon, and --date for dates.');
      return 0;
    }
    if (history === undefined || horizon === undefined) {
      throw new UsageError('--target needs --history and --horizon: the rows that a forecast reads and predicts.');
    }
    const description = forecasting(table, forecastingOptionsOf(options)).describe();
    out.record({ kind: 'data', file, rows: table.rows, columns, ...description });
    printData(description, { history, horizon }, out);
    return 0;
  },
});
