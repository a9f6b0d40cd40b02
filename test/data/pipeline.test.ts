/** The pipeline of a forecaster: nothing of the future is an input, no window is lost, and scalers see the training part only. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRng } from '../../src/core/rng.js';
import { pipelineFrom } from '../../src/data/pipeline.js';
import type { ForecastingOptions } from '../../src/data/series/options.js';
import { preparePipeline } from '../../src/data/series/pipeline.js';
import { fitScaler, scaled, unscaled } from '../../src/data/series/scaler.js';
import type { WindowSource } from '../../src/data/series/windows.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { DAY, dateText } from '../../src/data/table/dates.js';
import { thrown } from '../support/errors.js';

const tableOf = (values: readonly (number | string)[], name = 'a.csv') =>
  parseCsv(`day,y\n${values.map((y, i) => `${dateText(i * DAY)},${y}`).join('\n')}`, { name });
const COLUMNS = { date: 'day', target: 'y' } as const;
/** Every value is its row, so that a number shows where it came from. */
const rowsOf = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const PLAIN = { ...COLUMNS, scale: 'none', level: 0 } as const;

const sizes = fc.record({
  rows: fc.integer({ min: 60, max: 120 }),
  history: fc.integer({ min: 1, max: 9 }),
  horizon: fc.integer({ min: 1, max: 7 }),
  stride: fc.integer({ min: 1, max: 5 }),
  validation: fc.constantFrom(0, 8, 15),
  test: fc.constantFrom(0, 7, 16),
  batchSize: fc.integer({ min: 1, max: 7 }),
  lag: fc.constantFrom(0, 7, 12),
});

/** The batches of a source as windows: what each reads and predicts. */
function windowsIn(source: WindowSource, { history, horizon }: ForecastingOptions) {
  const width = source.sizes.inputSize;
  return Array.from({ length: source.length }, (_, k) => source.batch(k)).flatMap(
    ({ batchSize, inputs, targets, weights }) =>
      Array.from({ length: batchSize }, (_, n) => {
        const at = (t: number): number => t * batchSize + n;
        const steps = rowsOf(history + horizon);
        return {
          history: steps.slice(0, history).map((t) => inputs[at(t) * width]!),
          ahead: steps.slice(history).map((t) => inputs[at(t) * width]!),
          lagged: steps.map((t) => inputs[at(t) * width + 2]),
          targets: steps.slice(history).map((t) => targets[at(t)]!),
          weights: steps.map((t) => weights![at(t)]!),
        };
      }),
  );
}

test('any sizes: inputs come before targets, each part predicts its rows only, and no window is lost or made twice', () => {
  fc.assert(
    fc.property(sizes, ({ rows, lag, ...rest }) => {
      const options = { ...PLAIN, ...rest, lags: lag > 0 ? [lag] : [] };
      const { windows, series } = preparePipeline(tableOf(rowsOf(rows)), options);
      for (const part of ['train', 'validation', 'test'] as const) {
        const { from, to } = series[0]!.split[part];
        const stride = part === 'test' ? rest.horizon : rest.stride;
        const found = windowsIn(windows[part], options);
        const first = Math.max(from, rest.history + lag);
        const expected = rowsOf(rows).filter((o) => o >= first && o + rest.horizon <= to && (o - first) % stride === 0);
        expect(found.map(({ targets }) => targets[0])).toEqual(expected);
        for (const { history, ahead, lagged, targets, weights } of found) {
          const origin = targets[0]!;
          expect(history).toEqual(rowsOf(rest.history).map((i) => origin - rest.history + i));
          expect(targets).toEqual(rowsOf(rest.horizon).map((i) => origin + i));
          expect(ahead).toEqual(ahead.map(() => 0));
          if (lag > 0) expect(Math.max(...(lagged as number[]))).toBeLessThan(origin);
          expect(weights).toEqual([...history.map(() => 0), ...targets.map(() => 1)]);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a shuffled epoch has each window once, in the order of the seed', () => {
  const options = { ...PLAIN, history: 3, horizon: 2, batchSize: 4, validation: 0, test: 0 };
  const { train } = preparePipeline(tableOf(rowsOf(30)), options).windows;
  const order = (seed: number) =>
    windowsIn(train.shuffled(createRng(seed, 'a')), options).map(({ targets }) => targets[0]!);
  const inOrder = windowsIn(train, options).map(({ targets }) => targets[0]!);
  expect(order(1)).toEqual(order(1));
  expect(order(1)).not.toEqual(order(2));
  expect(order(1).sort((a, b) => a - b)).toEqual(inOrder);
});

test('values after the training part never change a scaler or a training batch', () => {
  const values = fc.array(fc.integer({ min: 1, max: 999 }), { minLength: 20, maxLength: 20 });
  const scale = fc.constantFrom('standard' as const, 'log' as const, 'minMax' as const);
  fc.assert(
    fc.property(values, values, scale, (future, other, kind) => {
      const options = { ...COLUMNS, history: 4, horizon: 3, test: 10, validation: 10, scale: kind };
      const past = rowsOf(40).map((i) => 10 + ((i * 7) % 13));
      const [a, b] = [future, other].map((end) => preparePipeline(tableOf([...past, ...end]), options));
      expect(a!.pipeline.toJSON()).toEqual(b!.pipeline.toJSON());
      expect(a!.windows.train.batch(0)).toEqual(b!.windows.train.batch(0));
    }),
    { numRuns: 30 },
  );
});

test('what a model predicts is inverted into the units of the column, with the level of its window', () => {
  const y = rowsOf(60).map((i) => 100 + 3 * i + (i % 7));
  for (const scale of ['standard', 'log', 'minMax', 'none'] as const) {
    const options = { ...COLUMNS, history: 5, horizon: 4, scale, level: 7, validation: 0, test: 9 };
    const { windows, pipeline } = preparePipeline(tableOf(y), options);
    for (const [i, { encoder, origin }] of windows.test.windows.entries()) {
      const { targets } = windowsIn(windows.test, options)[i]!;
      const decoded = targets.map((value) => encoder.decode(value, encoder.levelBefore(origin)));
      for (const [h, value] of decoded.entries()) expect(value).toBeCloseTo(y[origin + h]!, 3);
    }
    expect(pipelineFrom(JSON.parse(JSON.stringify(pipeline))).toJSON()).toEqual(pipeline.toJSON());
  }
});

test('scalers: scaled values have mean 0 and standard deviation 1, a constant column stays finite, and both directions are inverse', () => {
  const values = [3, 5, 9, Number.NaN, 11];
  const scaler = fitScaler('standard', values, 'y');
  const result = values.filter((v) => !Number.isNaN(v)).map((v) => scaled(scaler, v));
  expect(result.reduce((a, b) => a + b)).toBeCloseTo(0, 12);
  expect(result.reduce((a, b) => a + b * b, 0) / 4).toBeCloseTo(1, 12);
  expect(scaled(fitScaler('standard', [0.1, 0.1, 0.1], 'y'), 0.1)).toBeCloseTo(0, 12);
  for (const kind of ['standard', 'log', 'minMax', 'none'] as const) {
    const fitted = fitScaler(kind, values, 'y');
    for (const v of [0.5, 3, 40]) expect(unscaled(fitted, scaled(fitted, v))).toBeCloseTo(v, 9);
  }
});

describe('missing values', () => {
  const y = rowsOf(40).map((i) => (i === 20 ? 'NA' : i));
  const options = { ...PLAIN, history: 3, horizon: 2, validation: 0, test: 0 };

  test('drop leaves out exactly the windows that read or predict one', () => {
    const { windows, dropped } = preparePipeline(tableOf(y), { ...options, missing: 'drop' });
    const origins = windows.train.windows.map(({ origin }) => origin);
    expect(origins).toEqual(rowsOf(39).filter((o) => o >= 3 && !(o - 3 <= 20 && 20 <= o + 1)));
    expect(dropped).toBe(5);
  });

  test('mask keeps them: an input says where a value is missing, and a missing target has weight 0', () => {
    const { windows, pipeline } = preparePipeline(tableOf(y), { ...options, missing: 'mask', batchSize: 100 });
    expect(pipeline.inputs).toEqual(['y', 'is predicted', 'y is missing']);
    expect(windows.train.windows).toHaveLength(36);
    const { inputs, weights, batchSize } = windows.train.batch(0);
    const read = 20 - 3 + 1; // the window whose history ends with the missing value: it predicts row 21
    expect([...(inputs as Float32Array)].slice((2 * batchSize + read) * 3, (2 * batchSize + read) * 3 + 3)).toEqual([
      0, 0, 1,
    ]);
    const predicts = 20 - 3; // the window that predicts it first
    expect(weights![3 * batchSize + predicts]).toBe(0);
    expect(weights![4 * batchSize + predicts]).toBe(1);
  });
});

describe('what cannot work is an error that says how to fix it', () => {
  const options = { ...COLUMNS, history: 5, horizon: 3, test: 6, validation: 6 };
  test.each<[string, object, string]>([
    [
      'too few rows',
      { history: 30 },
      'has 40 rows; 12 of them are for validation and test. The training part needs at least 33 rows',
    ],
    ['a short test part', { test: 2 }, 'has 2 rows in its test part, but a window predicts 3.'],
    ['a lag that is not known', { lags: [2] }, 'options.lags[0] must be at least the horizon, 3'],
    ['an unknown column', { target: 'z' }, 'unknown column "z"'],
    ['a column used twice', { inputs: ['y'] }, 'uses the column "y" twice'],
    ['an unknown scale', { scale: 'robust' }, "options.scale must be 'standard', 'sqrt', 'log', 'minMax' or 'none'"],
    ['quantiles without a median', { quantiles: [0.1, 0.9] }, 'with 0.5 among them'],
    ['quantiles that are not numbers', { quantiles: [0.1, Symbol('q'), 0.5] }, 'must be increasing numbers'],
    ['quantiles with a hole', { quantiles: Object.assign([0.1, 0.5], { length: 3 }) }, 'must be increasing numbers'],
    ['a calendar without dates', { date: undefined, known: ['weekday'] }, '"weekday" is computed from dates.'],
    ['a misspelled option', { horizn: 3 }, 'Did you mean "horizon"?'],
    ['a share above 1', { test: 1.5 }, 'must be a number of rows, or a share below 1, got 1.5.'],
    ['logarithms of 0', { scale: 'log' }, 'column "y" has the value 0; scale "log" needs positive values.'],
  ])('%s', (_why, change, message) => {
    expect(thrown(() => preparePipeline(tableOf(rowsOf(40)), { ...options, ...change })).message).toContain(message);
  });

  test.each([
    null,
    {},
    { kind: 'forecasting' },
    { kind: 'forecasting', settings: { target: 'y', history: 2, horizon: 1 } },
    {
      kind: 'forecasting',
      settings: { target: 'y', history: 2, horizon: 1 },
      frequency: { unit: 'row', every: Symbol('s') },
      scalers: {},
    },
  ])('a damaged pipeline %#', (data) => expect(() => pipelineFrom(data)).toThrow(/^pipeline is damaged/));
});
