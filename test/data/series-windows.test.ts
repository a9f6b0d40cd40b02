/** What a window contains, frequencies and calendars by their tables, and the problems of a series. */
import { describe, expect, test } from '@jest/globals';
import { CALENDAR } from '../../src/data/series/calendar.js';
import { type Frequency, indexOfTime, inferFrequency, seasonsOf, timeText } from '../../src/data/series/frequency.js';
import { preparePipeline } from '../../src/data/series/pipeline.js';
import { readSeries } from '../../src/data/series/series.js';
import { US_HOLIDAYS, usHolidayOn } from '../../src/data/series/us-holidays.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { DAY, dateText, parseDate } from '../../src/data/table/dates.js';
import { thrown } from '../support/errors.js';

const HOUR = DAY / 24;
const csv = (text: string) => parseCsv(text, { name: 'a.csv' });

describe('a window', () => {
  // From Monday 2024-01-01; row 5 has no target, the last two rows only what is known ahead.
  const y = [10, 11, 12, 13, 14, '', 16, 17, 18, 19];
  const rows = Array.from(
    { length: 12 },
    (_, i) => `${dateText(parseDate('2024-01-01') + i * DAY)},${y[i] ?? ''},${i < 10 ? i / 10 : ''},${50 + i}`,
  );
  const table = csv(['day,y,p,k', ...rows].join('\n'));
  const options = {
    ...{ date: 'day', target: 'y', inputs: ['p'], known: ['weekday', 'k'], lags: [2, 3], history: 2, horizon: 2 },
    ...({ scale: 'none', level: 3, missing: 'mask', test: 0, validation: 0 } as const),
  };

  test('has the target less its level, the mask, past inputs, lags, known columns and the calendar, in this order', () => {
    const { pipeline, series, windows, missing } = preparePipeline(table, options);
    expect(pipeline.inputs.slice(0, 7)).toEqual([
      'y',
      'is predicted',
      'y is missing',
      'p',
      'y 2 rows before',
      'y 3 rows before',
      'k',
    ]);
    expect(pipeline.inputs.slice(7)).toEqual(CALENDAR.weekday.columns);
    expect(missing).toBe(1);
    const { encoder } = series[0]!;
    // Levels are means of three rows: before row 7 those of rows 4 and 6, because row 5 is missing.
    expect([3, 5, 6, 7, 8].map((row) => encoder.levelBefore(row))).toEqual([11, 13, 13.5, 15, 16.5]);
    expect(windows.train.windows.map(({ origin }) => origin)).toEqual([6, 7, 8]);
    const { inputs, targets, weights, batchSize } = windows.train.batch(0);
    const steps = Array.from({ length: 4 }, (_, t) =>
      Array.from((inputs as Float32Array).slice((t * batchSize + 1) * 14, (t * batchSize + 2) * 14)),
    );
    const [friday, saturday, sunday, monday, tuesday] = [5, 6, 0, 1, 2].map((on) =>
      Array.from({ length: 7 }, (_, d) => Number(d === on)),
    );
    expect(friday).toHaveLength(7);
    const half = Math.fround(0.5);
    // Origin 7: level 15; the lags use the levels before rows 5 and 4, which are 13 and 12.
    expect(steps).toEqual([
      [0, 0, 1, half, 0, 0, 55, ...saturday!],
      [1, 0, 0, Math.fround(0.6), 1, 1, 56, ...sunday!],
      [0, 1, 0, 0, 0, 2, 57, ...monday!],
      [0, 1, 0, 0, 3, 0, 58, ...tuesday!],
    ]);
    expect([0, 1, 2, 3].map((t) => [targets[t * batchSize + 1], weights![t * batchSize + 1]])).toEqual([
      [0, 0],
      [0, 0],
      [2, 1],
      [3, 1],
    ]);
  });

  test('needs what is known ahead for its horizon', () => {
    const { series } = preparePipeline(table, options);
    const { encoder } = series[0]!;
    expect(encoder.requireKnown(10)).toBeUndefined();
    expect(thrown(() => encoder.requireKnown(11)).message).toBe(
      'column "k" is known ahead, but has no value 2 rows after the last target. Add 2 rows at the end of the table with "k", and without the target.',
    );
  });
});

describe('frequencies', () => {
  test.each<[Frequency['unit'], number, string, number, number | null]>([
    ['row', 1, 'rows without dates', 1, null],
    ['month', 12, 'yearly', 1, 1],
    ['month', 3, 'quarterly', 4, 4],
    ['month', 1, 'monthly', 12, 12],
    ['businessDay', 1, 'every business day', 5, 260],
    ['millisecond', 7 * DAY, 'weekly', 52, 52],
    ['millisecond', DAY, 'daily', 7, 364],
    ['millisecond', HOUR, 'hourly', 24, 364 * 24],
    ['millisecond', HOUR / 2, 'every 30 minutes', 48, 364 * 48],
    ['millisecond', HOUR / 4, 'every 15 minutes', 96, 364 * 96],
    ['millisecond', HOUR / 60, 'every minute', 60, null],
    ['month', 2, 'every 2 months', 1, null],
    ['millisecond', 3 * DAY, 'every 3 days', 1, null],
    ['millisecond', 1500, 'every 1.5 seconds', 1, null],
  ])('%s x %d: %s', (unit, every, name, season, year) => {
    expect(seasonsOf({ unit, every })).toEqual({ name, season, year });
  });

  const infer = (...dates: string[]) => inferFrequency([dates.map(parseDate)], 'a');
  const workdays = (count: number): string[] =>
    Array.from({ length: 20 }, (_, i) => parseDate('2024-01-01') + i * DAY)
      .filter((time) => ![0, 6].includes(new Date(time).getUTCDay()))
      .slice(0, count)
      .map(dateText);

  test('of equally frequent distances the shortest counts, and business days need ten dates', () => {
    expect(infer('2024-01-01', '2024-01-04', '2024-01-06')).toEqual({ unit: 'millisecond', every: 2 * DAY });
    expect(infer('2024-01-01', '2024-01-03', '2024-01-06')).toEqual({ unit: 'millisecond', every: 2 * DAY });
    expect(infer(...workdays(10))).toEqual({ unit: 'businessDay', every: 1 });
    expect(infer(...workdays(9))).toEqual({ unit: 'millisecond', every: DAY });
    expect(infer('2024-01-31', '2024-02-29', '2024-03-31')).toEqual({ unit: 'month', every: 1, monthEnd: true });
    expect(infer('2024-01-31', '2024-03-31', '2024-05-31')).toEqual({ unit: 'month', every: 2 });
    expect(infer('2024-01-15 10:00', '2024-02-15 11:00', '2024-03-15 10:00').unit).toBe('millisecond');
  });

  test('a date between two rows of the grid has no integer index', () => {
    const index = (frequency: Frequency, start: string, time: string) =>
      indexOfTime(frequency, parseDate(start), parseDate(time));
    const business = { unit: 'businessDay', every: 1 } as const;
    expect(
      ['2024-01-05', '2024-01-06', '2024-01-07', '2024-01-08'].map((day) => index(business, '2024-01-01', day)),
    ).toEqual([4, 5.5, 5.5, 5]);
    expect(index(business, '2024-01-01 09:00', '2024-01-02 10:00')).toBe(1.5);
    expect(index({ unit: 'month', every: 1 }, '2024-01-15', '2024-03-15')).toBe(2);
    expect(index({ unit: 'month', every: 1 }, '2024-01-15', '2024-03-16')).toBe(2.5);
    expect(index({ unit: 'month', every: 3 }, '2024-01-15', '2024-05-15')).not.toBeCloseTo(1, 1);
    expect(index({ unit: 'month', every: 1, monthEnd: true }, '2024-01-31', '2024-02-28')).toBe(1.5);
    expect(index({ unit: 'millisecond', every: DAY }, '2024-01-01', '2024-01-02 12:00')).toBe(1.5);
  });

  test('times as text', () => {
    const at = parseDate('2024-05-01');
    expect(timeText({ unit: 'row', every: 1 }, 4)).toBe('row 5');
    expect(timeText({ unit: 'month', every: 12 }, at)).toBe('2024');
    expect(timeText({ unit: 'month', every: 1 }, at)).toBe('2024-05-01');
    expect(timeText({ unit: 'millisecond', every: 12 }, at)).toBe('2024-05-01');
  });
});

describe('calendars', () => {
  test.each([
    [2024, '01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25'],
    [1999, '01-01 01-18 02-15 05-31 - 07-04 09-06 10-11 11-11 11-25 12-25'],
    [1975, '01-01 - 02-17 05-26 - 07-04 09-01 10-13 10-27 11-27 12-25'],
    [1969, '01-01 - 02-22 05-30 - 07-04 09-01 10-12 11-11 11-27 12-25'],
  ])('the holidays of %d', (year, expected) => {
    const found = US_HOLIDAYS.map(() => '-');
    for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += DAY) {
      const holiday = usHolidayOn(day / DAY);
      if (holiday !== null) found[holiday] = dateText(day).slice(5);
    }
    expect(found.join(' ')).toBe(expected);
  });

  test.each([
    ['weekday', '2024-02-29', ['Thursday']],
    ['month', '2024-02-29', ['month 2']],
    ['hour', '2024-02-29 13:00', ['hour 13']],
    ['us-holidays', '2024-07-03', ['day before Independence Day']],
    ['us-holidays', '2024-07-04 12:00', ['Independence Day']],
    ['us-holidays', '2024-07-05', ['day after Independence Day']],
    ['us-holidays', '2024-07-06', []],
  ] as const)('%s on %s', (name, date, expected) => {
    const { columns, values } = CALENDAR[name];
    const found = values(parseDate(date));
    expect(columns.filter((_, i) => found[i] === 1)).toEqual(expected);
    expect(found.filter((value) => value !== 0)).toHaveLength(expected.length);
  });

  test('the season is one turn a year, with two harmonics', () => {
    const { columns, values } = CALENDAR.season;
    expect(columns).toEqual([
      'season sin 1',
      'season cos 1',
      'season sin 2',
      'season cos 2',
      'season sin 3',
      'season cos 3',
    ]);
    const quarter = values(Date.UTC(2023, 0, 1) + (365 * DAY) / 4);
    for (const [i, value] of [1, 0, 0, -1, -1, 0].entries()) expect(quarter[i]).toBeCloseTo(value, 12);
    expect(values(Date.UTC(2024, 0, 1))).toEqual([0, 1, 0, 1, 0, 1]);
    expect(values(Date.UTC(2024, 6, 2))[0]).toBeCloseTo(0, 12); // the middle of a leap year
  });
});

describe('problems of a series', () => {
  const read = (rows: string, more: object = {}) =>
    readSeries(csv(`day,y,x\n${rows}`), {
      date: 'day',
      target: 'y',
      inputs: ['x'],
      known: [],
      missing: 'reject',
      ...more,
    });
  const message = (rows: string, more: object = {}) => thrown(() => read(rows, more)).message;

  test('missing values and gaps are counted', () => {
    expect(message('2024-01-01,1,\n2024-01-02,,2\n2024-01-03,3,3')).toContain(
      'line 3, column "y" is missing. So are 1 other values. Set',
    );
    expect(message('2024-01-01,1,1\n2024-01-02,2,\n2024-01-03,3,3')).toContain('line 3, column "x" is missing. Set');
    const gaps = '2024-01-01,1,1\n2024-01-02,2,2\n2024-01-03,2,2\n2024-01-05,3,3\n2024-01-07,3,3';
    expect(message(gaps)).toContain('a.csv, after line 4 has no row for 2024-01-04. There are 1 other gaps. Set');
    expect(message(gaps.slice(0, gaps.lastIndexOf('\n')))).toContain('has no row for 2024-01-04. Set');
    const kept = read('2024-01-01,,1\n2024-01-02,2,\n2024-01-04,,4\n2024-01-05,3,5\n2024-01-06,,6', {
      missing: 'fill',
    });
    expect(kept.missing).toBe(1 + 2 + 1); // a gap, two targets before the last one, an input
    expect(kept.series[0]!.values.map((column) => [...column])).toEqual([
      [Number.NaN, 2, 2, 2, 3],
      [1, 1, 1, 4, 5],
    ]);
  });

  test('what is known ahead must be complete to the end of the table', () => {
    const rows = '2024-01-01,1,1\n2024-01-02,2,2\n2024-01-03,,';
    expect(read(rows).series[0]!.values.map((column) => column.length)).toEqual([2, 2]);
    expect(message(rows, { inputs: [], known: ['x'] })).toContain('line 4, column "x" is missing.');
  });

  test('rows without dates are equally spaced, in each series', () => {
    const { series, frequency } = read('a,1,1\nb,5,5\na,2,2\nb,6,6', { date: undefined, series: 'day' });
    expect(frequency).toEqual({ unit: 'row', every: 1 });
    expect(series.map(({ name, start, length, values }) => [name, start, length, [...values[0]!]])).toEqual([
      ['a', 0, 2, [1, 2]],
      ['b', 0, 2, [5, 6]],
    ]);
    expect(message('a,1,1\n,2,2', { date: undefined, series: 'day' })).toContain(
      'line 3, column "day" is empty: the row belongs to no series.',
    );
  });

  test('a series with no target has no rows, and a series may begin later than others', () => {
    const rows = '2024-01-01,1,a\n2024-01-02,2,a\n2024-01-03,3,a\n2024-01-02,,b\n2024-01-03,,b';
    const { series } = read(rows, { inputs: [], series: 'x' });
    expect(series.map(({ length }) => length)).toEqual([3, 0]);
  });
});
