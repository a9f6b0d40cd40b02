/** Tests of numeric settings by their error messages, which state both bounds. */
import { expect, test } from '@jest/globals';
import { rejected } from './errors.js';

/** A setting: its path, its range as messages state it, and a call that passes a value. */
export type Range = readonly [path: string, range: string, call: (value: number) => unknown];

/** Each setting refuses NaN, and the message names exactly its range. */
export function testRanges(ranges: readonly Range[]): void {
  test.each(ranges)('%s must be %s', async (path, range, call) => {
    const { message } = await rejected(async () => call(Number.NaN));
    expect(message).toContain(`${path} must be ${range}, got NaN.`);
  });
}

const LARGEST = Number.MAX_SAFE_INTEGER;

/** The range of an integer; without `max`, up to the largest that a number holds exactly. */
export const integer = (min: number, max = LARGEST): string => `an integer from ${min} to ${max}`;

/** The range of a number; without `max`, any larger one. */
export const number = (min: number, max?: number): string =>
  max === undefined ? `a number of at least ${min}` : `a number from ${min} to ${max}`;
