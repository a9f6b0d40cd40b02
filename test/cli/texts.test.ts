/** Files that are not texts to train on: the message says what they are and what to do. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { fault, hashesOf, testFaults, trainOn } from './faults.js';
import { folder, TINY } from './support.js';

const here = folder();

const TEXTS = [
  fault('a missing text', trainOn('no.txt'), 1, /^no\.txt: cannot be read: no such file or folder \(ENOENT\)/),
  fault(
    'an empty folder',
    ['train', 'folder', '--out', 'm.safetensors'],
    1,
    /^folder: the folder is empty\. Write one text file per class into it\.$/,
  ),
  fault('an empty text', trainOn('empty.txt'), 1, /^empty\.txt: the file is empty\. Give a text file\.$/),
  fault('a binary file', trainOn('zeros.bin'), 1, /^zeros\.bin: not a text file: it contains zero bytes\./),
  fault('a text that is not UTF-8', trainOn('latin1.txt'), 1, /^latin1\.txt: not UTF-8 text\. .*iconv/),
  ...['table.csv', 'table.txt', 'TABLE.TSV', 'spaces.dat'].map((file) =>
    fault(
      `a table, ${file}`,
      trainOn(file),
      1,
      new RegExp(
        `^${file}: this is a table( of 3 columns)?, not a text: .*--target, --history and --horizon.* --as-text\\.$`,
      ),
    ),
  ),
  fault('a list of numbers', trainOn('numbers.txt'), 1, /^numbers\.txt: this is a list of numbers, not a text: /),
  ...['data.json', 'data.txt', 'lines.txt'].map((file) =>
    fault(`JSON, ${file}`, trainOn(file), 1, new RegExp(`^${file}: this is JSON, not a text: .* --as-text\\.$`)),
  ),
  fault(
    'a text that is too short',
    trainOn('short.txt'),
    1,
    /^short\.txt: \d+ characters are too few for 4 streams of 8 steps \(at least 33\)\. Give more text, or a smaller/,
  ),
  fault(
    'a text that is too short because of its validation part',
    trainOn('short.txt', '--batch-size', '1', '--steps', '17'),
    1,
    /^short\.txt has 19 characters\. A validationSplit of 0\.1 makes 17 of them training data, .*validationSplit: 0 to /,
  ),
  fault(
    'a model instead of a text',
    trainOn('model.safetensors'),
    1,
    /^model\.safetensors: it is a model file .*--resume/,
  ),
  fault('a gzip archive', trainOn('text.gz'), 1, /^text\.gz: it is a gzip archive, not a text file\. Unpack it/),
  fault(
    'a PyTorch file',
    trainOn('model.pt'),
    1,
    /^model\.pt: it is a PyTorch file \(\.pt, \.pth\), .* not a text file\./,
  ),
  fault(
    'an unknown character in a prompt',
    ['sample', 'model.safetensors', '--prompt', 'the é'],
    1,
    /^prompt: the model does not know the character "é" \(character 5 of the text\)\. It knows white space and abc/,
  ),
  fault(
    'an unknown character in a text to measure on',
    ['eval', 'model.safetensors', 'foreign.txt'],
    1,
    /^foreign\.txt: the model does not know the character "ж"/,
  ),
];

let before: string[];

beforeAll(async () => {
  await here.ok('train', 'text.txt', ...TINY, '--max-updates', '2', '--quiet');
  mkdirSync(join(here.path, 'folder'));
  here.write('empty.txt', '');
  here.write('zeros.bin', new Uint8Array(5000));
  here.write('latin1.txt', Buffer.from('Ein Käse '.repeat(200), 'latin1'));
  here.write('text.gz', gzipSync('the whale '.repeat(99)));
  here.write('model.pt', Buffer.from('PK\x03\x04model/data.pkl\x80\x02', 'latin1'));
  here.write('short.txt', 'the whale the whale');
  const rows = Array.from({ length: 99 }, (_, t) => [t, Math.sin(t).toFixed(3), t % 2 ? 'on' : 'off']);
  const table = (separator: string): string => ['t,x,state', ...rows.map((row) => row.join(separator))].join('\n');
  here.write('table.csv', 'the whale and the sea\n'.repeat(99)); // by its name
  here.write('table.txt', table(','));
  here.write('TABLE.TSV', table('\t'));
  here.write('spaces.dat', table('   '));
  here.write('numbers.txt', rows.map(([, x]) => x).join('\r\n'));
  here.write('data.json', JSON.stringify(rows));
  here.write('data.txt', JSON.stringify({ rows }, null, 2));
  here.write('lines.txt', rows.map((row) => JSON.stringify(row)).join('\n'));
  here.write('foreign.txt', 'кит и море '.repeat(20).replace('к', 'ж'));
  before = hashesOf(here);
});

describe('texts', () => testFaults(here, TEXTS));

test('--as-text trains on a table as if it were a text', async () => {
  const own = folder();
  own.write('table.csv', here.read('table.txt'));
  await own.ok('train', 'table.csv', ...TINY, '--as-text', '--max-updates', '2', '--quiet');
  expect(await own.ok('eval', 'model.safetensors', 'table.csv')).toContain('bits per character');
});

test('after all these errors no file has changed, and no lock or temporary file is left', () => {
  expect(hashesOf(here)).toEqual(before);
});
