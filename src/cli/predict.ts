import { loadModel } from '../node/index.js';
import { defineCommand, UsageError } from './command.js';
import { forecasterIn } from './forecast/load.js';
import { readTable } from './forecast/read-table.js';
import { labelerIn } from './labels/load.js';
import { predictLabels } from './labels/predict.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { tableText } from './report/tables.js';
import { flag, integer, number, text } from './settings.js';

const quoted = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);

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
    csv: flag('print CSV'),
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'forecast the next 30 days', line: 'unspool predict runs/births --next 30' },
    { does: 'classify one text', line: 'unspool predict runs/names --text Marlene' },
    { does: 'classify lines of standard input', line: 'unspool predict runs/names --json' },
    { does: 'continue after newer rows', line: 'unspool predict runs/births new.csv --csv' },
  ],
  async run([model, file], { next, method, coverage, text: given, csv, ...flags }) {
    const out = createOutput(flags);
    const loaded = await loadModel(model!);
    const labeler = labelerIn(loaded);
    if (labeler) {
      const unused = next !== undefined ? '--next' : coverage !== undefined ? '--coverage' : null;
      if (unused) throw new UsageError(`${unused} has no effect on a classifier or a tagger.`);
      await predictLabels(labeler, { file, text: given, csv }, out);
      return 0;
    }
    if (given !== undefined) throw new UsageError('--text has no effect on a forecaster.');
    const { forecaster, decimal } = await forecasterIn(model!, loaded);
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
