/** The tables that `unspool inspect --csv` reads. */
import { expect, test } from '@jest/globals';
import { rowsOfCsv } from '../../src/cli/inspect/csv.js';
import { problemOf, thrown } from '../support/errors.js';

test('a table has quoted cells and any line ends, and a misplaced quote is an error with its line', () => {
  expect(rowsOfCsv('a,"b ""c"", d"\r\n1,\n\n"x\ny",2\r', 'a.csv')).toEqual([
    ['a', 'b "c", d'],
    ['1', ''],
    [''],
    ['x\ny', '2'],
  ]);
  expect([rowsOfCsv('', 'a.csv'), rowsOfCsv('1', 'a.csv'), rowsOfCsv('1,', 'a.csv')]).toEqual([
    [],
    [['1']],
    [['1', '']],
  ]);
  for (const text of ['a\n"b', 'a\nb"c', 'a\n"b"c']) {
    const problem = problemOf(
      thrown(() => rowsOfCsv(text, 'a.csv')),
      'INVALID_FILE',
    );
    expect(problem).toMatchObject({ file: 'a.csv', problem: expect.stringContaining('line 2: ') });
  }
});
