/** The user's own files: what is read, what is rejected with which message, and settings that fit short data. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { buildSync } from 'esbuild';
import { taskOf } from '../../studio/src/engine/tasks/index.js';
import type { UserData } from '../../studio/src/engine/tasks/task.js';
import { settingsOf } from '../../studio/src/settings.js';
import { settingsFor } from '../../studio/src/setup/fit-data.js';
import type { parseFile } from '../../studio/src/setup/parse.js';
import { ROOT } from './support.js';

const rows = (make: (i: number) => string, count = 60): string =>
  Array.from({ length: count }, (_, i) => make(i)).join('\n');
/** The parser is bundled with d3-dsv: that is an ES module, which jest cannot import. */
function bundledParser(): typeof parseFile {
  const entryPoints = [join(ROOT, 'studio/src/setup/parse.ts')];
  const [bundle] = buildSync({ entryPoints, bundle: true, format: 'cjs', write: false }).outputFiles;
  const module = { exports: {} as { parseFile: typeof parseFile } };
  new Function('module', bundle!.text)(module);
  return module.exports.parseFile;
}

const parser = bundledParser();
const parse = (name: string, content: BlobPart) => parser(new File([content], name));

describe('a table', () => {
  test.each([
    ['commas', 'a.csv', `day,x,y\n${rows((i) => `d${i},${i},${2 * i}`)}\n\n`],
    ['semicolons', 'a.csv', `day;x;y\n${rows((i) => `d${i};${i};${2 * i}`)}`],
    ['tabs', 'a.tsv', `day\tx\ty\r\n${rows((i) => `d${i}\t${i}\t${2 * i}`)}`],
    ['a byte order mark', 'a.CSV', `\ufeff"day",x,y\n${rows((i) => `d${i},${i},${2 * i}`)}`],
  ])('with %s', async (_, name, text) => {
    const table = await parse(name, text);
    expect(table).toMatchObject({ kind: 'table', columns: ['x', 'y'], ignored: ['day'] });
    expect(table.kind === 'table' && table.rows).toEqual(Array.from({ length: 60 }, (_, i) => [i, 2 * i]));
    const { description } = await taskOf(settingsFor(table, settingsOf('own')), table, async () => '');
    expect(description).toBe(`${name}: predict the next y from 2 columns. Ignored, because they have no numbers: day.`);
  });

  test.each([
    [
      'a header without names',
      rows((i) => `${i},3`),
      'the first line must name the columns, but it has only numbers (0, 3)',
    ],
    ['decimal commas', `a;b\n${rows((i) => `x;${i},5`)}`, 'Numbers must use a decimal point, but the file has "0,5"'],
    [
      'an open quotation mark',
      `a,b\n1,"2\n${rows((i) => `${i},3`)}`,
      'has 1 rows below its header; training needs at least 50. A quotation mark',
    ],
    ['few rows', `a,b\n${rows(() => '1,2', 49)}`, 'has 49 rows below its header; training needs at least 50.'],
    [
      'an empty cell',
      `a,b\n${rows((i) => `${i},${i === 7 ? '' : i}`)}`,
      'line 9: column "b" must be a number, got "".',
    ],
    [
      'another number of cells',
      `a,b\n${rows(() => '1,2')}\n3,4,5`,
      'line 62: it has 3 cells, but the first line names 2 columns.',
    ],
    ['words only', `a,b\n${rows(() => 'x,y')}`, 'has no numeric column. The first line must name the columns'],
  ])('with %s is rejected', async (_, text, message) => {
    await expect(parse('t.csv', text)).rejects.toThrow(message);
    await expect(parse('t.csv', text)).rejects.toThrow(/^t\.csv/);
  });
});

test.each([
  ['of 9 characters', 'too short', 'short.txt has 9 characters; training needs at least 200'],
  ['without characters', ' \n', 'short.txt is empty'],
  ['in Latin-1', Buffer.from('Grüße. '.repeat(40), 'latin1'), 'short.txt is not in UTF-8'],
  ['in UTF-16', Buffer.from('words '.repeat(40), 'utf16le'), 'short.txt is a binary file'],
])('a text %s is rejected', async (_, content, message) => {
  await expect(parse('short.txt', content)).rejects.toThrow(message);
});

describe('data of the minimal length fit the settings', () => {
  const table = (count: number): NonNullable<UserData> => ({
    ...{ kind: 'table', name: 't', columns: ['a'], ignored: [] },
    rows: Array.from({ length: count }, (_, i) => [i % 5]),
  });
  const text = (length: number): NonNullable<UserData> => ({
    kind: 'text',
    name: 't',
    text: 'the whale. '.repeat(99).slice(0, length),
  });

  test.each([
    ['50 rows', table(50), { steps: 2, batchSize: 16 }],
    ['309 rows', table(309), { steps: 28, batchSize: 16 }],
    ['4,000 rows', table(4000), { steps: 32, batchSize: 16 }],
    ['200 characters', text(200), { steps: 32, batchSize: 5 }],
    ['900 characters', text(900), { steps: 32, batchSize: 16 }],
  ])('%s', async (_, data, sizes) => {
    const settings = settingsFor(data, settingsOf('own'));
    expect(settings).toEqual({ ...settingsOf('own'), ...sizes });
    const task = await taskOf(settings, data, async () => '');
    expect(task.data.train.length).toBeGreaterThan(0);
    expect(task.sequence(0).batch.steps).toBeGreaterThanOrEqual(2);
  });
});
