/** Series: frequencies, holidays, gaps, missing values and bad dates. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CALENDAR } from '../../src/data/series/calendar.js';
import {
  type Frequency,
  indexOfTime,
  inferFrequency,
  seasonsOf,
  timeOfIndex,
} from '../../src/data/series/frequency.js';
import { type MissingPolicy, readSeries } from '../../src/data/series/series.js';
import { US_HOLIDAYS, usHolidayOn } from '../../src/data/series/us-holidays.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { DAY, dateText, parseDate } from '../../src/data/table/dates.js';
import { thrown } from '../support/errors.js';

const times = (...dates: string[]) => dates.map(parseDate);
const days = (from: string, count: number) => Array.from({ length: count }, (_, i) => parseDate(from) + i * DAY);

describe('the frequency is inferred', () => {
  test.each([
    ['daily', days('2024-02-27', 5)],
    ['daily', days('2024-02-27', 9).filter((_, i) => i !== 4)], // with a gap
    ['weekly', days('2024-02-27', 40).filter((_, i) => i % 7 === 0)],
    ['monthly', times('2024-01-31', '2024-02-29', '2024-03-31', '2024-05-31')],
    ['monthly', times('2023-11-15', '2023-12-15', '2024-01-15')],
    ['quarterly', times('2023-01', '2023-04', '2023-07', '2024-01')],
    ['yearly', times('1700', '1701', '1702', '1704')],
    ['hourly', times('2024-01-01 22:00', '2024-01-01 23:00', '2024-01-02 00:00')],
    ['every 3 days', days('2024-01-01', 20).filter((_, i) => i % 3 === 0)],
    ['every business day', days('2024-01-01', 30).filter((time) => ![0, 6].includes(new Date(time).getUTCDay()))],
  ])('%s', (name, dates) => expect(seasonsOf(inferFrequency([dates], 'a')).name).toBe(name));

  test('times and row numbers are inverse for every frequency, over leap years and the ends of months', () => {
    const frequencies: Frequency[] = [
      { unit: 'millisecond', every: DAY },
      { unit: 'month', every: 1, monthEnd: true },
      { unit: 'month', every: 1 },
      { unit: 'month', every: 3 },
      { unit: 'businessDay', every: 1 },
    ];
    const cases = fc.tuple(
      fc.constantFrom(...frequencies),
      fc.integer({ min: 0, max: 9000 }),
      fc.integer({ min: 0, max: 900 }),
    );
    fc.assert(
      fc.property(cases, ([frequency, day, index]) => {
        let start = day * DAY;
        if (frequency.unit === 'businessDay') while ([0, 6].includes(new Date(start).getUTCDay())) start += DAY;
        if (frequency.monthEnd) {
          const date = new Date(start);
          start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0);
        }
        expect(indexOfTime(frequency, start, timeOfIndex(frequency, start, index))).toBe(index);
      }),
    );
  });
});

test.each([
  ['1974-10-28', 'Veterans Day'],
  ['1988-11-11', 'Veterans Day'],
  ['1985-01-21', null],
  ['1986-01-20', 'Martin Luther King Jr. Day'],
  ['1970-02-22', "Washington's Birthday"],
  ['1987-02-16', "Washington's Birthday"],
  ['1987-05-25', 'Memorial Day'],
  ['1987-09-07', 'Labor Day'],
  ['1987-11-26', 'Thanksgiving'],
  ['2024-11-28', 'Thanksgiving'],
  ['2021-06-19', 'Juneteenth'],
  ['2020-06-19', null],
])('%s: %s', (date, name) => {
  const holiday = usHolidayOn(parseDate(date) / DAY);
  expect(holiday === null ? null : US_HOLIDAYS[holiday]).toBe(name);
});

test('calendar inputs: each group has one value per column, and the day before Christmas is known', () => {
  for (const { columns, values } of Object.values(CALENDAR)) {
    expect(values(parseDate('1987-12-24'))).toHaveLength(columns.length);
  }
  const { columns, values } = CALENDAR['us-holidays'];
  expect(columns.filter((_, i) => values(parseDate('1987-12-24'))[i] === 1)).toEqual(['day before Christmas Day']);
  expect(CALENDAR.weekday.columns[CALENDAR.weekday.values(parseDate('2024-02-29')).indexOf(1)]).toBe('Thursday');
});

describe('rows', () => {
  const read = (rows: string, missing: MissingPolicy = 'reject', columns = {}) =>
    readSeries(parseCsv(`day,y,x\n${rows}`, { name: 'a.csv' }), {
      ...{ date: 'day', target: 'y', inputs: [], known: [], missing },
      ...columns,
    });
  const GAP = '2024-01-01,1,\n2024-01-02,2,\n2024-01-05,5,\n2024-01-06,6,';

  test('gaps are on the grid, with their dates and the line before them', () => {
    const { series, gaps, missing } = read(GAP, 'mask');
    expect([...series[0]!.values[0]!]).toEqual([1, 2, Number.NaN, Number.NaN, 5, 6]);
    expect(gaps).toEqual([{ series: '', from: '2024-01-03', to: '2024-01-04', rows: 2, afterLine: 3 }]);
    expect(missing).toBe(2);
    expect([...read(GAP, 'fill').series[0]!.values[0]!]).toEqual([1, 2, 2, 2, 5, 6]);
  });

  test.each([
    ['a gap', GAP, 'a.csv, after line 3 has no row for 2024-01-03 to 2024-01-04. Set missing to "fill"'],
    ['a missing value', '2024-01-01,1,\n2024-01-02,,\n2024-01-03,3,', 'a.csv, line 3, column "y" is missing.'],
    [
      'a date twice',
      '2024-01-01,1,\n2024-01-02,2,\n2024-01-01,3,',
      'a.csv, line 4, column "day" has the same date as line 2.',
    ],
    [
      'unsorted',
      '2024-01-02,1,\n2024-01-03,2,\n2024-01-01,3,',
      'line 4, column "day" is earlier than the date in line 3.',
    ],
    [
      'a date off the grid',
      '2024-01-01,1,\n2024-01-02,2,\n2024-01-03,3,\n2024-01-03T05:00,4,',
      'does not fit the frequency',
    ],
    ['not a date', '2024-01-01,1,\n02.01.2024,2,', 'a.csv, line 3, column "day" must be a date, got "02.01.2024".'],
    ['two rows', '2024-01-01,1,\n2024-01-02,2,', 'a.csv, column "day" has 2 dates, which are too few'],
  ])('%s', (_why, rows, message) => expect(thrown(() => read(rows)).message).toContain(message));

  test('rows at the end without a target have only what is known ahead', () => {
    const { series } = read('2024-01-01,1,7\n2024-01-02,2,8\n2024-01-03,,9', 'reject', { known: ['x'] });
    expect(series[0]).toMatchObject({ length: 2 });
    expect(series[0]!.values.map((column) => [...column])).toEqual([
      [1, 2],
      [7, 8, 9],
    ]);
  });

  test('several series each have their own grid', () => {
    const { series } = read(
      '2024-01-01,1,a\n2024-01-02,10,b\n2024-01-02,2,a\n2024-01-03,11,b\n2024-01-03,3,a',
      'reject',
      {
        series: 'x',
      },
    );
    expect(series.map(({ name, start, values }) => [name, dateText(start), [...values[0]!]])).toEqual([
      ['a', '2024-01-01', [1, 2, 3]],
      ['b', '2024-01-02', [10, 11]],
    ]);
  });
});

test('300,000 dates are read without an overflow of the stack', () => {
  const hours = Float64Array.from({ length: 300_000 }, (_, i) => i * 3_600_000);
  expect(inferFrequency([hours], 'a')).toEqual({ unit: 'millisecond', every: 3_600_000 });
});
