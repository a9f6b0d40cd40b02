/** The labels of logarithmic axes. */
import { describe, expect, test } from '@jest/globals';
import { logAxis, logLabel, logTicks } from '../../src/inspect/index.js';

describe('the labels of a logarithmic axis', () => {
  test.each([
    [0.02, 0.09, 5, [0.02, 0.03, 0.05, 0.07]], // no power of ten
    [0.02, 3, 6, [0.03, 0.1, 0.3, 1, 3]],
    [0.02, 3, 7, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]],
    [1e-6, 0.1, 6, [1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1]],
    [1e-12, 1, 5, [1e-12, 1e-9, 1e-6, 1e-3, 1]],
    [0.081, 0.089, 5, [0.082, 0.084, 0.086, 0.088]],
    [3, 3, 5, [3]],
  ])('from %d to %d, about %i of them', (low, high, count, ticks) => {
    expect(logTicks(low, high, count)).toEqual(ticks);
  });

  test.each([
    [0.02, '0.02'],
    [2000, '2,000'],
    [1e-5, '1e-5'],
    [2.5e-7, '2.5e-7'],
    [3e6, '3e6'],
  ])('%d is written %s', (value, text) => {
    expect(logLabel(value)).toBe(text);
  });

  test('there are at least two on any axis that is not a point', () => {
    for (const low of [1.01e-7, 0.0234, 0.99, 7.3, 4.4e5]) {
      for (const ratio of [1.001, 1.5, 3, 11, 200, 1e9]) {
        const ticks = logTicks(low, low * ratio, 6);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
        for (const tick of ticks) expect(tick >= low && tick <= low * ratio).toBe(true);
      }
    }
  });

  test('the options of an axis give Plot the same', () => {
    const { ticks, tickFormat } = logAxis(6);
    expect(ticks.range(0.02, 3)).toEqual(logTicks(0.02, 3, 6));
    expect(tickFormat(0.02)).toBe('0.02');
    expect([ticks.floor(0.3), ticks.offset(0.3)]).toEqual([0.3, 0.3]);
  });
});
