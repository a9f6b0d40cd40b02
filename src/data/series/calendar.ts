/** Inputs that are computed from the date and so known ahead. */
import { DAY } from '../table/dates.js';
import { US_HOLIDAYS, usHolidayOn } from './us-holidays.js';

/** A group of input columns. */
interface CalendarGroup {
  readonly columns: readonly string[];
  /** The values of the columns at a time, in milliseconds since 1970. */
  values(time: number): readonly number[];
}

const oneHot = (size: number, at: number): number[] => Array.from({ length: size }, (_, i) => (i === at ? 1 : 0));
const numbered = (name: string, from: number, size: number): string[] =>
  Array.from({ length: size }, (_, i) => `${name} ${from + i}`);

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
/** Days around a holiday that have columns: the day before it, the day itself, the day after it. */
const AROUND = [-1, 0, 1];
const HARMONICS = [1, 2, 3];

const yearFraction = (time: number): number => {
  const year = new Date(time).getUTCFullYear();
  return (time - Date.UTC(year, 0, 1)) / (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1));
};

/** The groups of calendar inputs by name. */
export const CALENDAR = {
  weekday: { columns: WEEKDAYS, values: (time) => oneHot(7, new Date(time).getUTCDay()) },
  month: { columns: numbered('month', 1, 12), values: (time) => oneHot(12, new Date(time).getUTCMonth()) },
  hour: { columns: numbered('hour', 0, 24), values: (time) => oneHot(24, new Date(time).getUTCHours()) },
  season: {
    columns: HARMONICS.flatMap((k) => [`season sin ${k}`, `season cos ${k}`]),
    values(time) {
      const angle = 2 * Math.PI * yearFraction(time);
      return HARMONICS.flatMap((k) => [Math.sin(k * angle), Math.cos(k * angle)]);
    },
  },
  'us-holidays': {
    columns: AROUND.flatMap((days) =>
      US_HOLIDAYS.map((name) => (days === 0 ? name : `day ${days < 0 ? 'before' : 'after'} ${name}`)),
    ),
    values: (time) =>
      AROUND.flatMap((days) => oneHot(US_HOLIDAYS.length, usHolidayOn(Math.floor(time / DAY) - days) ?? -1)),
  },
} as const satisfies Readonly<Record<string, CalendarGroup>>;

/** A group of calendar inputs. */
export type CalendarName = keyof typeof CALENDAR;
