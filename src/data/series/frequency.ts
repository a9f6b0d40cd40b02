/** The frequency of a series: the time between two of its rows, inferred from the dates. */
import { invalidData } from '../../errors.js';
import { DAY, dateText } from '../table/dates.js';

/** A regular grid of times. `row` has no dates: a time is the number of a row. */
export interface Frequency {
  readonly unit: 'millisecond' | 'month' | 'businessDay' | 'row';
  /** Units between two times. */
  readonly every: number;
  /** Whether monthly dates are the last days of their months. */
  readonly monthEnd?: boolean;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WEEK = 7 * DAY;

interface Seasons {
  readonly name: string;
  /** Rows after which a season repeats: a week of days, a day of hours. */
  readonly season: number;
  /** Rows of a year that keep the weekday; null if a year is not an integer number of rows. */
  readonly year: number | null;
}

const NAMES: readonly (readonly [unit: Frequency['unit'], every: number, seasons: Seasons])[] = [
  ['row', 1, { name: 'rows without dates', season: 1, year: null }],
  ['month', 12, { name: 'yearly', season: 1, year: 1 }],
  ['month', 3, { name: 'quarterly', season: 4, year: 4 }],
  ['month', 1, { name: 'monthly', season: 12, year: 12 }],
  ['businessDay', 1, { name: 'every business day', season: 5, year: 260 }],
  ['millisecond', WEEK, { name: 'weekly', season: 52, year: 52 }],
  ['millisecond', DAY, { name: 'daily', season: 7, year: 364 }],
  ['millisecond', HOUR, { name: 'hourly', season: 24, year: 8736 }],
  ['millisecond', 30 * MINUTE, { name: 'every 30 minutes', season: 48, year: 17_472 }],
  ['millisecond', 15 * MINUTE, { name: 'every 15 minutes', season: 96, year: 34_944 }],
  ['millisecond', MINUTE, { name: 'every minute', season: 60, year: null }],
];

/** The name of a frequency, its season and its year, in rows. */
export function seasonsOf({ unit, every }: Frequency): Seasons {
  const known = NAMES.find(([u, e]) => u === unit && e === every);
  if (known) return known[2];
  const size: readonly [number, string] =
    unit === 'month' ? [every, 'months'] : every % DAY === 0 ? [every / DAY, 'days'] : [every / 1000, 'seconds'];
  return { name: `every ${size[0]} ${size[1]}`, season: 1, year: null };
}

const monthOf = (time: number): number => {
  const date = new Date(time);
  return 12 * date.getUTCFullYear() + date.getUTCMonth();
};
const daysInMonth = (month: number): number =>
  new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).getUTCDate();

/** Days from Monday to Friday before a date, counted from 1970-01-05, a Monday. */
function businessDays(time: number): number {
  const days = Math.floor(time / DAY) - 4;
  const week = Math.floor(days / 7);
  return 5 * week + Math.min(5, days - 7 * week);
}

/** The number of rows from `start` to `time`. Not an integer if `time` is between two rows of the grid. */
export function indexOfTime({ unit, every, monthEnd }: Frequency, start: number, time: number): number {
  if (unit === 'row' || unit === 'millisecond') return (time - start) / every;
  if (unit === 'businessDay') {
    const isWeekend = [0, 6].includes(new Date(time).getUTCDay());
    return (businessDays(time) - businessDays(start) + (isWeekend || time % DAY !== start % DAY ? 0.5 : 0)) / every;
  }
  const months = (monthOf(time) - monthOf(start)) / every;
  return timeOfIndex({ unit, every, ...(monthEnd && { monthEnd }) }, start, Math.round(months)) === time
    ? months
    : months + 0.5 / every;
}

/** The time of row `index` of a grid that begins at `start`. */
export function timeOfIndex({ unit, every, monthEnd }: Frequency, start: number, index: number): number {
  if (unit === 'row' || unit === 'millisecond') return start + index * every;
  if (unit === 'businessDay') {
    const at = businessDays(start) + index * every;
    const week = Math.floor(at / 5);
    return (7 * week + (at - 5 * week) + 4) * DAY + (start % DAY);
  }
  const month = monthOf(start) + index * every;
  const day = monthEnd ? 31 : new Date(start).getUTCDate();
  return Date.UTC(Math.floor(month / 12), ((month % 12) + 12) % 12, Math.min(day, daysInMonth(month))) + (start % DAY);
}

/** The most frequent of some numbers; of several, the smallest. */
function mode(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best = Number.NaN;
  for (const [value, count] of counts) {
    const most = counts.get(best) ?? 0;
    if (count > most || (count === most && value < best)) best = value;
  }
  return best;
}

const isMonthEnd = (time: number): boolean => new Date(time).getUTCDate() === daysInMonth(monthOf(time));

/**
 * Infers the frequency of one or more series from their dates, which must increase. Gaps are allowed: the most frequent distance
 * counts. Throws `INVALID_DATA` for fewer than 3 dates.
 */
export function inferFrequency(series: readonly ArrayLike<number>[], what: string): Frequency {
  const all = series.flatMap((times) => Array.from(times));
  const distances = series.flatMap((times) =>
    Array.from(times)
      .slice(1)
      .map((time, i) => time - times[i]!),
  );
  if (distances.length < 2) {
    throw invalidData(what, `has ${all.length} dates, which are too few to infer a frequency.`, 'Give more rows.');
  }
  const days = new Set(all.map((time) => new Date(time).getUTCDate()));
  const hasOneClock = new Set(all.map((time) => time % DAY)).size === 1;
  const monthEnd = all.every(isMonthEnd);
  if (hasOneClock && (days.size === 1 || monthEnd)) {
    const months = mode(
      series.flatMap((times) =>
        Array.from(times)
          .slice(1)
          .map((time, i) => monthOf(time) - monthOf(times[i]!)),
      ),
    );
    return { unit: 'month', every: months, ...(days.size > 1 && { monthEnd }) };
  }
  const every = mode(distances);
  const hasWeekend = all.some((time) => [0, 6].includes(new Date(time).getUTCDay()));
  if (every === DAY && hasOneClock && !hasWeekend && all.length > 9) return { unit: 'businessDay', every: 1 };
  return { unit: 'millisecond', every };
}

/** A time of a grid as text. */
export const timeText = ({ unit, every }: Frequency, time: number): string =>
  unit === 'row' ? `row ${time + 1}` : unit === 'month' && every === 12 ? dateText(time).slice(0, 4) : dateText(time);
