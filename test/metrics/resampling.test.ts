/** Calibration and confidence intervals against values computed manually. */
import { describe, expect, test } from '@jest/globals';
import { bootstrapIntervals } from '../../src/metrics/bootstrap.js';
import { calibrationOf } from '../../src/metrics/calibration.js';
import { requireWeights } from '../../src/metrics/weights.js';
import { thrown } from '../support/errors.js';

describe('calibration', () => {
  test('bins of equal width; the error is the weighted mean of their gaps', () => {
    const { ece, bins } = calibrationOf([0.1, 0.3, 0.5, 0.75, 1, 0.8], [true, false, true, true, true, false], 4);
    expect(bins).toEqual([
      { from: 0, to: 0.25, count: 1, confidence: 0.1, accuracy: 1 },
      { from: 0.25, to: 0.5, count: 1, confidence: 0.3, accuracy: 0 },
      { from: 0.5, to: 0.75, count: 1, confidence: 0.5, accuracy: 1 },
      { from: 0.75, to: 1, count: 3, confidence: expect.closeTo(0.85, 12), accuracy: expect.closeTo(2 / 3, 12) },
    ]);
    expect(ece).toBeCloseTo((0.9 + 0.3 + 0.5 + 0.55) / 6, 12);
  });

  test('has ten bins by default, and null for one without predictions', () => {
    const { bins, ece } = calibrationOf([0.95], [true]);
    expect(bins).toHaveLength(10);
    expect(bins[0]).toEqual({ from: 0, to: 0.1, count: 0, confidence: null, accuracy: null });
    expect([bins[9]!.count, ece]).toEqual([1, expect.closeTo(0.05, 12)]);
  });
});

describe('bootstrap intervals', () => {
  /** Draws unit r in all places of resample r. */
  const stepping = (count: number) => {
    let calls = 0;
    return () => (Math.floor(calls++ / count) % count) / count + 0.001;
  };

  test('are percentiles of the metrics of resamples', () => {
    const values = Array.from({ length: 11 }, (_, i) => i ** 2);
    const drawn: number[] = [];
    const metricsOf = (units: Int32Array) => {
      expect(units).toHaveLength(11);
      drawn.push(units[0]!);
      return [values[units[0]!]!, -units[10]!, units[0]! < 9 ? units[0]! : Number.NaN];
    };
    const options = { repeats: 11, level: 0.6, uniform: stepping(11) };
    expect(bootstrapIntervals(11, metricsOf, options)).toEqual([
      [4, 64],
      [-8, -2],
      [2, 6],
    ]);
    expect(drawn).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(bootstrapIntervals(11, () => [Number.NaN], { ...options, repeats: 2 })).toEqual([[Number.NaN, Number.NaN]]);
    expect(bootstrapIntervals(11, () => [5], { ...options, repeats: 1 })).toEqual([[5, 5]]);
  });
});

test('the weights of rows', () => {
  expect([requireWeights('add', [1, 2], 2), requireWeights('add', [1, 2], 6)]).toEqual([1, 3]);
  expect(thrown(() => requireWeights('add', [1, 2], 5)).message).toContain(
    'add: weights must have shape [5], got [2].',
  );
  expect(thrown(() => requireWeights('add', [1, -1], 2)).message).toContain(
    'weights[1] must be a finite number of at ',
  );
  expect(thrown(() => requireWeights('add', 5 as never, 2)).code).toBe('INVALID_DATA');
});
