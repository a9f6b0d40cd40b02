/**
 * The federal holidays of the United States by their rules: 5 U.S.C. 6103, the Uniform Monday Holiday Act (in force from 1971), its
 * change of Veterans Day back to November 11 (from 1978), Martin Luther King Jr. Day (from 1986) and Juneteenth (from 2021).
 */
import { DAY } from '../table/dates.js';

export const US_HOLIDAYS = [
  "New Year's Day",
  'Martin Luther King Jr. Day',
  "Washington's Birthday",
  'Memorial Day',
  'Juneteenth',
  'Independence Day',
  'Labor Day',
  'Columbus Day',
  'Veterans Day',
  'Thanksgiving',
  'Christmas Day',
] as const;

const THURSDAY = 4;
const MONDAY = 1;

/** Days since 1970 of a date; months count from 1. */
const dayOf = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day) / DAY;

/** The nth given weekday of a month; n = -1 is the last one. */
function nth(year: number, month: number, weekday: number, n: number): number {
  const edge = n > 0 ? dayOf(year, month, 1) : dayOf(year, month + 1, 0);
  const weekdayOfEdge = (((edge + 4) % 7) + 7) % 7; // 1970-01-01 is a Thursday
  if (n < 0) return edge - ((weekdayOfEdge - weekday + 7) % 7);
  return edge + ((weekday - weekdayOfEdge + 7) % 7) + 7 * (n - 1);
}

/** The days of a year's holidays, in the order of `US_HOLIDAYS`; null for one that did not exist. */
function holidaysOf(year: number): (number | null)[] {
  const hasMondays = year >= 1971;
  const veterans = year >= 1971 && year <= 1977 ? nth(year, 10, MONDAY, 4) : dayOf(year, 11, 11);
  return [
    dayOf(year, 1, 1),
    year >= 1986 ? nth(year, 1, MONDAY, 3) : null,
    hasMondays ? nth(year, 2, MONDAY, 3) : dayOf(year, 2, 22),
    hasMondays ? nth(year, 5, MONDAY, -1) : dayOf(year, 5, 30),
    year >= 2021 ? dayOf(year, 6, 19) : null,
    dayOf(year, 7, 4),
    nth(year, 9, MONDAY, 1),
    hasMondays ? nth(year, 10, MONDAY, 2) : dayOf(year, 10, 12),
    veterans,
    nth(year, 11, THURSDAY, 4),
    dayOf(year, 12, 25),
  ];
}

const years = new Map<number, ReadonlyMap<number, number>>();

/** The holiday on a day (days since 1970) as its index in `US_HOLIDAYS`; null for other days. */
export function usHolidayOn(day: number): number | null {
  const year = new Date(day * DAY).getUTCFullYear();
  if (!years.has(year)) {
    years.set(year, new Map(holidaysOf(year).flatMap((at, i) => (at === null ? [] : [[at, i] as const]))));
  }
  return years.get(year)!.get(day) ?? null;
}
