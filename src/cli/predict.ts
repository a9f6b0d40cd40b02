import { defineCommand } from './command.js';
import { loadForecaster } from './forecast/load.js';
import { readTable } from './forecast/read-table.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { tableText } from './report/tables.js';
import { flag, integer, number, text } from './settings.js';

const quoted = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);

export const predictCommand = defineCommand({
  name: 'predict',
  summary: 'Forecasts the rows after the last one, with dates and intervals, in the units of the target.',
  arguments: [
    { name: 'MODEL', help: 'a run directory or a model file of a forecaster' },
    { name: '[FILE]', help: 'a table with newer rows; default: the end of the training data, from the model file' },
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
    csv: flag('print CSV'),
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'forecast the next 30 days', line: 'unspool predict runs/births --next 30' },
    { does: 'continue after newer rows', line: 'unspool predict runs/births new.csv --csv' },
  ],
  async run([model, file], { next, method, coverage, csv, ...flags }) {
    const out = createOutput(flags);
    const { forecaster, decimal } = await loadForecaster(model!);
    const rows = await forecaster.forecast({
      method: method as 'direct' | 'recursive',
      ...(next !== undefined && { next }),
      ...(coverage !== undefined && { coverage }),
      ...(file !== undefined && { table: await readTable(file, { decimal }) }),
    });
    for (const row of rows) out.record({ kind: 'forecast', ...row });
    const hasNames = rows.some(({ series }) => series !== '');
    const columns = [...(hasNames ? ['series'] : []), 'date', 'median', 'low', 'high'];
    const exact = (value: number): string => String(Number(value.toPrecision(csv ? 9 : 6)));
    const cells = rows.map(({ series, date, median, low, high }) => [
      ...(hasNames ? [series] : []),
      date,
      ...[median, low, high].map(exact),
    ]);
    out.print(
      csv
        ? [columns, ...cells].map((row) => row.map(quoted).join(',')).join('\n')
        : tableText({ columns, rows: cells }),
    );
    return 0;
  },
});
