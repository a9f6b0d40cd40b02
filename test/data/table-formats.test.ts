/** Tables: types of NumPy, limits and defaults of each format, and what a table says of its cells. */
import { describe, expect, test } from '@jest/globals';
import { parseClassFiles } from '../../src/data/table/class-files.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { dateText, parseDate } from '../../src/data/table/dates.js';
import { parseJsonLines } from '../../src/data/table/json-lines.js';
import { parseNpy } from '../../src/data/table/npy.js';
import { thrown } from '../support/errors.js';

const messageOf = (act: () => unknown): string => thrown(act).message;

describe('.npy', () => {
  /** The bytes of a file, in a larger buffer, as version 1 or 2. */
  function npy(descr: string, shape: string, data: ArrayLike<number>, { version = 1, header = '' } = {}): Uint8Array {
    const text = header || `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }\n`;
    const size = [text.length & 255, text.length >> 8, ...(version === 1 ? [] : [0, 0])];
    const begin = [0x93, ...new TextEncoder().encode('NUMPY'), version, 0, ...size];
    const all = Uint8Array.from([9, 9, 9, ...begin, ...new TextEncoder().encode(text), ...Array.from(data)]);
    return all.subarray(3);
  }
  type View = { buffer: ArrayBufferLike; BYTES_PER_ELEMENT: number };
  const bytesOf = ({ buffer }: View): Uint8Array => new Uint8Array(buffer);

  test.each<[string, View, number[]]>([
    ['f4', Float32Array.of(-1.5, 3e7), [-1.5, 3e7]],
    ['f8', Float64Array.of(-0.1, 1e300), [-0.1, 1e300]],
    ['i1', Int8Array.of(-128, 127), [-128, 127]],
    ['i2', Int16Array.of(-32768, 258), [-32768, 258]],
    ['i4', Int32Array.of(-2147483648, 66051), [-2147483648, 66051]],
    ['i8', BigInt64Array.of(-5n, 2n ** 40n), [-5, 2 ** 40]],
    ['u1', Uint8Array.of(0, 255), [0, 255]],
    ['u2', Uint16Array.of(65535, 258), [65535, 258]],
    ['u4', Uint32Array.of(4294967295, 66051), [4294967295, 66051]],
    ['u8', BigUint64Array.of(5n, 2n ** 63n), [5, 2 ** 63]],
    ['b1', Uint8Array.of(0, 1), [0, 1]],
  ])('%s, in both byte orders and versions', (type, values, expected) => {
    const little = bytesOf(values);
    const size = values.BYTES_PER_ELEMENT;
    const big = little.map((_, i, all) => all[i - (i % size) + size - 1 - (i % size)]!);
    for (const version of [1, 2]) {
      for (const [order, bytes] of [
        ['<', little],
        ['>', big],
        ['|', little],
      ] as const) {
        const table = parseNpy(npy(order + type, '2,', bytes, { version }));
        expect([...table.numbers('column1')]).toEqual(expected);
        expect([table.name, table.columns, table.rows, table.lineOf(1)]).toEqual(['table', ['column1'], 2, 2]);
      }
    }
  });

  test.each<[unknown, string]>([
    [[1, 2], 'bytes must be a Uint8Array'],
    [npy('<f8', '', new Uint8Array(8)), 'table: has 0 dimensions.'],
    [npy('<f8', '1,', new Uint8Array(8), { header: '{}' }), 'has a header that is not supported: "{}".'],
    [Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, 0, 0), 'is not an .npy file.'],
    [Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPX'), 1, 0, 0, 0, 0, 0), 'is not an .npy file.'],
  ])('%#: %s', (bytes, message) => expect(messageOf(() => parseNpy(bytes as Uint8Array))).toContain(message));
});

describe('options of the formats', () => {
  const one = [{ label: 'a', text: 'x' }];
  test.each<[string, (options?: object) => { readonly name: string }, string]>([
    ['parseCsv', (options) => parseCsv('x\n1', options), 'table'],
    ['parseJsonLines', (options) => parseJsonLines('{"x":1}', options), 'table'],
    ['parseClassFiles', (options) => parseClassFiles(one, options), 'classes'],
  ])('%s', (_, parse, name) => {
    expect([parse().name, parse({ name: 'mine' }).name]).toEqual([name, 'mine']);
    for (const options of [{ nam: 'x' }, { name: 3 }, null]) {
      expect(thrown(() => parse(options as never)).code).toBe('INVALID_SETTING');
    }
  });

  test('texts that are not texts', () => {
    for (const parse of [parseCsv, parseJsonLines]) {
      expect(messageOf(() => parse(5 as never))).toContain('text must be a string, got 5.');
    }
  });
});

describe('CSV', () => {
  test.each([
    ['a;b;c,d\n1;2;3', ['a', 'b', 'c,d']],
    ['a;b,c\n1;2,3', ['a;b', 'c']],
    ['a\tb;c\td\n1\t2\t3', ['a', 'b;c', 'd']],
    ['a\r\n1;2;3', ['a']],
    [' a , b \n1,2', ['a', 'b']],
  ])('%j: the separator is the one that the first line has most of, a comma if there is none', (text, columns) => {
    expect(parseCsv(text).columns).toEqual(columns);
  });

  test('a separator can be given, and must differ from the decimal one', () => {
    expect(parseCsv('a;b,c\n1;2,3', { separator: ';' }).columns).toEqual(['a', 'b,c']);
    expect([...parseCsv('a;b\n-1,5;,5', { separator: ';', decimal: ',' }).numbers('b')]).toEqual([0.5]);
    expect(messageOf(() => parseCsv('a,b\n1,2', { decimal: ',' }))).toContain('options.decimal must differ from the');
    expect(messageOf(() => parseCsv('a\n1', { decimal: '_' as never }))).toContain('options.decimal must be');
    expect(messageOf(() => parseCsv('a\n1', { separator: ' ' as never }))).toContain('options.separator must be');
    expect(messageOf(() => parseCsv('1,2,3,4\n5,6,7,8'))).toContain('has only numbers (1, 2, 3).');
    expect(messageOf(() => parseCsv('1,,3\n5,6,7'))).toContain('column 2 has no name');
  });
});

describe('JSON Lines', () => {
  test('lines end with CR, LF or both, and cells know theirs', () => {
    const table = parseJsonLines('{"x":1}\r\r\n{"x":false}\n{"x":"b"}');
    expect(table.texts('x')).toEqual(['1', 'false', 'b']);
    expect([0, 1, 2].map((row) => table.lineOf(row))).toEqual([1, 3, 4]);
    expect(messageOf(() => table.numbers('x'))).toContain('table, line 3, column "x" must be a number, got false.');
  });

  test('there are at most 65536 keys', () => {
    const keys = Array.from({ length: 65537 }, (_, i) => `"k${i}":1`);
    expect(messageOf(() => parseJsonLines(`{${keys.join()}}`))).toContain('has more than 65536 different keys.');
  });
});

describe('files of classes', () => {
  test('have a sample per line, with its class, file and line', () => {
    const table = parseClassFiles([
      { label: 'm', text: '\ufeff Adam\r\rBert \n' },
      { label: 'f', text: 'Cora', name: 'f.txt' },
    ]);
    expect([table.texts('text'), table.texts('label')]).toEqual([
      ['Adam', 'Bert', 'Cora'],
      ['m', 'm', 'f'],
    ]);
    expect([0, 1, 2].map((row) => table.place(row))).toEqual(['m, line 1', 'm, line 3', 'f.txt, line 1']);
    expect(table.place(2, 'text')).toBe('f.txt, line 1, column "text"');
  });

  test.each<[string, unknown]>([
    ['classes must be a list', {}],
    ['classes must be a list', []],
    ['classes[1] must be { label, text }', [{ label: 'a', text: 'x' }, null]],
    ['classes[0] must be { label, text }', [{ label: ' ', text: 'x' }]],
    ['classes[0] must be { label, text }', [{ label: 3, text: 'x' }]],
    ['classes[0] must be { label, text }', [{ label: 'a', text: 3 }]],
    ['classes[0].txt', [{ label: 'a', text: 'x', txt: 'y' }]],
    [
      'b.txt has no sample of the class "b".',
      [
        { label: 'a', text: 'x' },
        { label: 'b', text: ' \n', name: 'b.txt' },
      ],
    ],
  ])('%s', (message, classes) => {
    expect(messageOf(() => parseClassFiles(classes as never))).toContain(message);
  });
});

test('dates have times of day to the millisecond, in UTC', () => {
  const at = (text: string): number => parseDate(text) - Date.UTC(2024, 1, 29);
  expect(['2024.02.29', ' 2024-02-29T00:00Z ', '2024-02-29T00:00+00:00', '2024-02-29 00:00+0000'].map(at)).toEqual([
    ...[0, 0, 0, 0],
  ]);
  expect(at('2024-02-29T12:30:05.25')).toBe(((12 * 60 + 30) * 60 + 5) * 1000 + 250);
  for (const wrong of ['12:60', '12:30:60', '12:30+01:00', '1:30', '12']) expect(at(`2024-02-29T${wrong}`)).toBeNaN();
  expect(dateText(Date.UTC(2024, 1, 29, 23, 59, 58))).toBe('2024-02-29 23:59:58');
});

test('a table describes its columns, and refuses cells that do not fit', () => {
  const long = 'x'.repeat(50);
  const table = parseCsv(`day,n,gap,mixed,name\n2024,1,,1,${long}\n2025,1,NA,a,b\n2026,2,,2024-01-01, b `);
  expect(table.describe()).toEqual([
    { name: 'day', type: 'number', missing: 0, distinct: 3, first: '2024' },
    { name: 'n', type: 'number', missing: 0, distinct: 2, first: '1' },
    { name: 'gap', type: 'text', missing: 3, distinct: 0, first: '' },
    { name: 'mixed', type: 'text', missing: 0, distinct: 3, first: '1' },
    { name: 'name', type: 'text', missing: 0, distinct: 3, first: 'x'.repeat(40) },
  ]);
  expect([table.strings('name')[2], table.strings('gap')]).toEqual([' b ', ['', 'NA', '']]);
  expect([...table.times('day')]).toEqual([2024, 2025, 2026].map((year) => Date.UTC(year, 0)));
  expect([...table.times(['day'])]).toEqual([...table.times('day')]);
  expect(messageOf(() => table.times(['day', 'n']))).toContain('column must name one column, or those of year, month');
  expect(messageOf(() => table.times('gap'))).toContain('table, line 2, column "gap" must be a date, got "".');
  expect(messageOf(() => table.numbers(3 as never))).toContain('unknown column 3. The columns of table are day, n,');
  expect(messageOf(() => table.numbers('mixed'))).toContain('Correct the cell, or leave it empty');
  const short = parseCsv('y,m,d\n24,2,9\n5,12,31');
  expect([...short.times(['y', 'm', 'd'])].map(dateText)).toEqual(['0024-02-09', '0005-12-31']);
});
