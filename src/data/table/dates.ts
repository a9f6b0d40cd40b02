/** Dates as milliseconds since 1970 in UTC, so that no time zone or daylight saving time moves a day. */

export const DAY = 86_400_000;

const DATE =
  /^(\d{4})(?:([-/.]?)(\d{2})(?:\2(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:Z|[+]00:?00)?)?)?)?$/;

/**
 * The time of a date in ISO 8601: `2024`, `2024-01`, `2024-01-31`, `2024/01/31`, `20240131`, or with `T` or a blank and a time.
 * NaN for anything else, also for a day that does not exist.
 */
export function parseDate(text: string): number {
  const match = DATE.exec(text.trim());
  if (!match) return Number.NaN;
  const [, year, separator, month = '1', day = '1', hour = '0', minute = '0', second = '0', fraction = ''] = match;
  if (separator === '' && match[3] !== undefined && match[4] === undefined) return Number.NaN; // six digits
  const time = new Date(0);
  time.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  time.setUTCHours(Number(hour), Number(minute), Number(second), Number(`0.${fraction || 0}`) * 1000);
  const isReal =
    time.getUTCMonth() === Number(month) - 1 &&
    time.getUTCDate() === Number(day) &&
    time.getUTCHours() === Number(hour) &&
    time.getUTCMinutes() === Number(minute) &&
    time.getUTCSeconds() === Number(second);
  return isReal ? time.getTime() : Number.NaN;
}

/** A time as text: with the time of day only if it is not midnight. */
export function dateText(time: number): string {
  const text = new Date(time).toISOString();
  return time % DAY === 0 ? text.slice(0, 10) : text.slice(0, 19).replace('T', ' ');
}
