/** Tables from CSV, JSON Lines and NumPy: what is read, and what a damaged file reports. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { csvRows, parseCsv } from '../../src/data/table/csv.js';
import { dateText, parseDate } from '../../src/data/table/dates.js';
import { parseJsonLines } from '../../src/data/table/json-lines.js';
import { parseNpy } from '../../src/data/table/npy.js';
import { problemOf, thrown } from '../support/errors.js';

const csv = (text: string, options = {}) => parseCsv(text, { name: 'a.csv', ...options });
const messageOf = (act: () => unknown): string => thrown(act).message;

describe('CSV', () => {
  test('a table has quoted cells and any line ends, and rows know their lines', () => {
    expect(csvRows('a,"b ""c"", d"\r\n1,\n\n"x\ny",2\r7', 'a.csv')).toEqual([
      { cells: ['a', 'b "c", d'], line: 1 },
      { cells: ['1', ''], line: 2 },
      { cells: [''], line: 3 },
      { cells: ['x\ny', '2'], line: 4 },
      { cells: ['7'], line: 6 },
    ]);
    expect(csvRows('', 'a.csv')).toEqual([]);
    expect(csvRows('1,', 'a.csv')).toEqual([{ cells: ['1', ''], line: 1 }]);
  });

  test('any cells are read back as they were', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ';', ' ', 'é') });
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    const written = (all: string[][]): string =>
      all.map((cells) => cells.map((c) => `"${c.replaceAll('"', '""')}"`).join(',')).join('\n');
    fc.assert(
      fc.property(rows, (all) => {
        expect(csvRows(written(all), 'a.csv').map(({ cells }) => cells)).toEqual(all);
      }),
    );
  });

  test.each(['a\n"b', 'a\nb"c', 'a\n"b"c'])('%j has a misplaced quote in line 2', (text) => {
    expect(
      problemOf(
        thrown(() => csvRows(text, 'a.csv')),
        'INVALID_FILE',
      ),
    ).toMatchObject({
      file: 'a.csv',
      problem: expect.stringContaining('line 2: '),
    });
  });

  test('a million doubled quotes are read in linear time', () => {
    expect(csvRows(`"${'""'.repeat(1_000_000)}"`, 'a.csv')[0]!.cells[0]).toHaveLength(1_000_000);
  });

  test('separators, decimal commas, missing cells and a byte order mark', () => {
    expect(csv('\ufeffx;y\n1,5;2\n;NA').columns).toEqual(['x', 'y']);
    expect([...csv('x;y\n1,5;2\n;NA', { decimal: ',' }).numbers('x')]).toEqual([1.5, Number.NaN]);
    expect([...csv('x\ty\n1e3\t-.5\n+2\tnan').numbers('y')]).toEqual([-0.5, Number.NaN]);
    expect(csv('x,y\na, b \n,?').texts('y')).toEqual(['b', null]);
  });

  test.each([
    ['empty', '', 'a.csv: the file is empty.'],
    ['blank lines', '\n \n', 'a.csv: the file is empty.'],
    ['only a header', 'x,y\n', 'a.csv: has only the line that names the columns.'],
    ['ragged', 'x,y\n1,2\n\n3\n', 'a.csv: line 4 has 1 cells; the first line has 2.'],
    ['ragged after a quoted line break', 'x,y\n"1\n",2\n3\n', 'a.csv: line 4 has 1 cells; the first line has 2.'],
    ['no header', '1,2\n3,4\n', 'a.csv: the first line has only numbers (1, 2).'],
    ['a column without a name', 'x,\n3,4\n', 'a.csv: line 1: column 2 has no name.'],
    ['a name used twice', 'x,x\n3,4\n', 'a.csv: line 1: two columns are called "x".'],
  ])('%s', (_why, text, message) => {
    expect(messageOf(() => csv(text))).toContain(message);
  });

  test.each([
    ['a text', '1\nfour', 'a.csv, line 3, column "x" must be a number, got "four".'],
    ['a decimal comma', '1\n"1,5"', 'If its comma is a decimal comma, set decimal to ",".'],
    ['hexadecimal', '1\n0x10', 'must be a number, got "0x10".'],
    ['infinity', '1\nInfinity', 'must be a number, got "Infinity".'],
  ])('%s in a column of numbers', (_why, body, message) => {
    expect(messageOf(() => csv(`x\n${body}`).numbers('x'))).toContain(message);
  });

  test('an unknown column is named with a suggestion', () => {
    expect(messageOf(() => csv('date,births\n1,2').numbers('birth'))).toContain('Did you mean "births"?');
  });

  test('columns are described by type', () => {
    const table = csv('day,n,name\n2024-01-01,1,a\n2024-01-02,,b\n2024-01-03,3,b');
    expect(table.describe().map(({ name, type, missing, distinct }) => [name, type, missing, distinct])).toEqual([
      ['day', 'date', 0, 3],
      ['n', 'number', 1, 2],
      ['name', 'text', 0, 2],
    ]);
  });
});

describe('dates', () => {
  test.each([
    ['2024', '2024-01-01'],
    ['2024-02', '2024-02-01'],
    ['2024-02-29', '2024-02-29'],
    ['2024/02/29', '2024-02-29'],
    ['20240229', '2024-02-29'],
    ['0099-02-01', '0099-02-01'],
    ['2024-02-29T12:30', '2024-02-29 12:30:00'],
    ['2024-02-29 12:30:05Z', '2024-02-29 12:30:05'],
  ])('%s is %s', (text, date) => expect(dateText(parseDate(text))).toBe(date));

  test.each([
    '2023-02-29',
    '2024-13-01',
    '2024-1-1',
    '01/02/2024',
    '2024-02/03',
    '202402',
    '2024-01-01T24:00',
    'x',
    '',
  ])('%j is not a date', (text) => expect(parseDate(text)).toBeNaN());

  test('a date may be in three columns, and a bad one names its line', () => {
    const table = csv('y,m,d\n2024,2,29\n2023,2,29');
    expect(messageOf(() => table.times(['y', 'm', 'd']))).toContain(
      'a.csv, line 3, column "y", "m", "d" must be a date',
    );
    expect(dateText(csv('y,m,d\n2024,2,29').times(['y', 'm', 'd'])[0]!)).toBe('2024-02-29');
  });
});

describe('JSON Lines', () => {
  const lines = (text: string) => parseJsonLines(text, { name: 'a.jsonl' });

  test('keys are columns, and a key that a line does not have is missing there', () => {
    const table = lines('{"x":1,"y":"a"}\n\n{"x":2.5}\n{"z":true,"x":null}');
    expect(table.columns).toEqual(['x', 'y', 'z']);
    expect([...table.numbers('x')]).toEqual([1, 2.5, Number.NaN]);
    expect(table.texts('z')).toEqual([null, null, 'true']);
  });

  test.each([
    ['', 'the file is empty.'],
    ['{"x":1}\n{"x":', 'line 2 is not valid JSON'],
    ['[1]', 'line 1 must be a JSON object.'],
    ['{"x":[1]}', 'line 1: "x" is a list.'],
    ['{"x":{"y":1}}', 'line 1: "x" is an object.'],
  ])('%j: %s', (text, message) => expect(messageOf(() => lines(text))).toContain(message));
});

describe('.npy', () => {
  /** The bytes that numpy.save writes: version 1.0, the header padded to a multiple of 64. */
  function npy(descr: string, shape: string, data: Uint8Array, fortran = 'False'): Uint8Array {
    const dictionary = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`;
    const header = `${dictionary.padEnd(117)}\n`;
    const begin = [0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length & 255, header.length >> 8];
    return Uint8Array.from([...begin, ...new TextEncoder().encode(header), ...data]);
  }
  const bytesOf = (values: Float64Array | Int16Array): Uint8Array => new Uint8Array(values.buffer);

  test('one and two dimensions, both orders', () => {
    const six = bytesOf(Float64Array.of(1, 2, 3, 4, 5, Number.NaN));
    expect([...parseNpy(npy('<f8', '6,', six)).numbers('column1')]).toEqual([1, 2, 3, 4, 5, Number.NaN]);
    expect([...parseNpy(npy('<f8', '3, 2', six)).numbers('column2')]).toEqual([2, 4, Number.NaN]);
    expect([...parseNpy(npy('<f8', '3, 2', six, 'True')).numbers('column2')]).toEqual([4, 5, Number.NaN]);
    const swapped = bytesOf(Int16Array.of(-2, 300)).map((_, i, all) => all[i ^ 1]!);
    expect([...parseNpy(npy('>i2', '2,', swapped)).numbers('column1')]).toEqual([-2, 300]);
  });

  test.each([
    [Uint8Array.of(1, 2, 3), 'is not an .npy file.'],
    [npy('<f8', '2,', new Uint8Array(15)), 'has 15 bytes of data; its header says 16.'],
    [npy('<f8', '1, 1, 1', new Uint8Array(8)), 'has 3 dimensions.'],
    [npy('<c16', '1,', new Uint8Array(16)), 'contains values of type c16.'],
    [npy('<f8', '0,', new Uint8Array(0)), 'the array is empty.'],
  ])('%#: %s', (bytes, message) => expect(messageOf(() => parseNpy(bytes, { name: 'a.npy' }))).toContain(message));
});
