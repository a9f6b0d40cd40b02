/** Forecasting, figure by figure: anomaly scores, baselines, calibration and contexts, worked out on paper. */
import { describe, expect, test } from '@jest/globals';
import { encodeWindows } from '../../src/data/series/windows.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { baselinesFor } from '../../src/tasks/baselines.js';
import { calibrate, corrected, quantilePairs } from '../../src/tasks/conformal.js';
import { Forecaster } from '../../src/tasks/forecaster.js';
import {
  anomalies,
  backtest,
  type ForecastingOptions,
  forecasting,
  parseCsv,
  walkForward,
} from '../../src/tasks/index.js';
import { forecasterOf } from '../../src/tasks/train-forecaster.js';
import { buildModel } from '../support/model.js';
import { Constant, column, dateOf, near } from './support.js';

describe('anomaly scores', () => {
  const options: ForecastingOptions = {
    ...{ target: 'y', series: 's', date: 'd', history: 2, horizon: 2, test: 4, validation: 4, missing: 'mask' },
    ...{ quantiles: [0.1, 0.5, 0.9] },
  };
  /** Series a is 10 plus or minus 1, series b 10 plus or minus 5; the test part has one row at 12 each. */
  const rows = Array.from({ length: 20 }, (_, i) => [i, i % 2 === 0 ? 1 : -1] as const);
  const sold = (i: number, sign: number, size: number) => (i === 18 ? 12 : 10 + sign * size);
  const table = parseCsv(
    `s,d,y\n${[1, 5].flatMap((size) => rows.map(([i, sign]) => `${size === 1 ? 'a' : 'b'},${dateOf(i)},${size === 5 && i === 6 ? '' : sold(i, sign, size)}`)).join('\n')}`,
  );
  const data = forecasting(table, options);
  const forecaster = new Constant(data, [0, 10, 90]);

  test('are errors of the median over the largest error of the training and validation windows of the series', async () => {
    const scored = await anomalies(forecaster, data, { share: 0 });
    const of = (name: string) => scored.filter(({ series }) => series === name);
    expect(of('a').map(({ date }) => date)).toEqual(Array.from({ length: 18 }, (_, i) => dateOf(i + 2)));
    expect(of('b')).toHaveLength(17); // without the row that has no value
    expect(of('b').map(({ date }) => date)).not.toContain(dateOf(6));
    expect(of('a').at(-2)).toEqual({
      ...{ series: 'a', date: dateOf(18), value: 12, expected: 10, score: 2, isAnomaly: true },
    });
    expect(of('b').at(-2)).toMatchObject({ score: near(0.4), isAnomaly: false });
    expect(of('a').map(({ score }) => score)).toEqual([...new Array(16).fill(1), 2, 1]);
  });

  test('are 0 or the largest number where all known forecasts are exact', async () => {
    const flat = forecasting(column([...new Array(19).fill(10), 11]), { target: 'y', history: 2, horizon: 1, test: 4 });
    const scored = await anomalies(new Constant(flat, [0, 10, 90]), flat);
    expect(scored.map(({ score }) => score)).toEqual([...new Array(17).fill(0), Number.MAX_VALUE]);
    expect(scored.map(({ isAnomaly }) => isAnomaly)).toEqual([...new Array(17).fill(false), true]);
  });

  test('have a share of 0.01 by default; windows without a value are left out with "drop"', async () => {
    // 150 windows with errors 1 to 150: the threshold of 1 % is the second largest, that of 2 % the fourth.
    const values = [10, 10, ...Array.from({ length: 150 }, (_, i) => 11 + i), 10, 10];
    const set = forecasting(column(values), { target: 'y', history: 2, horizon: 1, test: 2, validation: 0 });
    const fixed = new Constant(set, [0, 10, 90]);
    const above = async (more: object) => (await anomalies(fixed, set, more)).filter((row) => row.isAnomaly).length;
    expect([await above({}), await above({ share: 0.01 }), await above({ share: 0.02 })]).toEqual([1, 1, 3]);
    const gaps = values.map((value, i) => (i === 40 ? '' : value));
    const table = parseCsv(`x,y\n${gaps.map((y) => `0,${y}`).join('\n')}`);
    const dropped = forecasting(table, { ...set.pipeline.settings, missing: 'drop' });
    // The row itself, and the two that read it.
    expect(await anomalies(new Constant(dropped, [0, 10, 90]), dropped)).toHaveLength(values.length - 2 - 3);
  });

  test('a share is from 0 to below 1; other arguments are refused', async () => {
    const refused = (call: Promise<unknown>, message: string) => expect(call).rejects.toThrow(message);
    await refused(anomalies(forecaster, data, { share: -0.01 }), 'options.share must be');
    await refused(anomalies(3 as never, data), 'forecaster must be a Forecaster, got 3. Use trainForecaster().');
    await refused(anomalies(forecaster, 3 as never), 'data must be the result of forecasting(), got 3.');
    await refused(anomalies(forecaster, data, { table: 3 as never }), 'options.table must be a table, got 3.');
    await refused(anomalies(forecaster, data, { shares: 1 } as never), 'unknown setting');
  });
});

describe('baselines', () => {
  /** Daily rows: a week has 7, a year 364. Row 300 is missing. */
  const length = 800;
  const y = Array.from({ length }, (_, i) => 100 + ((i * 7919) % 101) + (i > 500 ? 50 : 0));
  const csv = (rows: number) =>
    `d,y\n${y
      .slice(0, rows)
      .map((v, i) => `${dateOf(i)},${i === 300 ? '' : v}`)
      .join('\n')}`;
  const options: ForecastingOptions = {
    ...{ date: 'd', target: 'y', history: 3, horizon: 9, test: 20, validation: 0, missing: 'fill' },
    stride: 50,
  };
  const data = forecasting(parseCsv(csv(length)), { ...options, missing: 'mask' });

  test('naive, seasonal, and the year before, scaled by the levels of four weeks', () => {
    const [naive, weekly, yearly, linear] = baselinesFor(data);
    expect([naive, weekly, yearly, linear].map((one) => one!.name)).toEqual([
      ...['naive', '7 rows ago', '364 rows ago, scaled', 'linear autoregression'],
    ]);
    const { encoder } = data.test!.windows[0]!;
    const at = (origin: number) => ({ encoder, origin });
    const value = (row: number) => y[row === 300 ? 299 : row]!; // the last one before a missing value
    const rows = Array.from({ length: 9 }, (_, h) => h);
    expect(Array.from(naive!.predict(at(700)))).toEqual(rows.map(() => value(699)));
    expect(Array.from(naive!.predict(at(301)))).toEqual(rows.map(() => value(299)));
    expect(Array.from(weekly!.predict(at(303)))).toEqual(rows.map((h) => value(296 + (h % 7))));
    const mean = (from: number, to: number) => {
      const list = y.slice(from, to).filter((_, i) => from + i !== 300);
      return list.reduce((a, b) => a + b) / list.length;
    };
    for (const origin of [660, 700]) {
      const ratio = mean(origin - 28, origin) / mean(origin - 392, origin - 364);
      expect(Array.from(yearly!.predict(at(origin)))).toEqual(rows.map((h) => near(ratio * value(origin + h - 364))));
    }
    // Without four weeks a year before, the level is that of the rows that there are; without any, the predictions are missing.
    const few = mean(342, 370) / mean(0, 6);
    expect(Array.from(yearly!.predict(at(370)))).toEqual(rows.map((h) => near(few * value(6 + h))));
    expect(Array.from(yearly!.predict(at(360))).every(Number.isNaN)).toBe(true);
    expect(Array.from(naive!.predict(at(0))).every(Number.isNaN)).toBe(true);
  });

  test('a horizon of more than a year repeats it', () => {
    const months = Array.from(
      { length: 60 },
      (_, i) => `${1990 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, '0')}-01`,
    );
    const z = months.map((_, i) => 5 + ((i * 31) % 17));
    const table = parseCsv(`d,y\n${months.map((d, i) => `${d},${z[i]}`).join('\n')}`);
    const set = forecasting(table, { date: 'd', target: 'y', history: 2, horizon: 14, test: 14, validation: 0 });
    const [, seasonal, other] = baselinesFor(set);
    expect([seasonal!.name, other!.name]).toEqual(['12 rows ago', 'linear autoregression']); // a season is the year
    const { encoder } = set.test!.windows[0]!;
    const expected = Array.from({ length: 14 }, (_, h) => z[34 + (h % 12)]!);
    expect(Array.from(seasonal!.predict({ encoder, origin: 46 }))).toEqual(expected);
  });

  test('the year before is there if the test part begins a year after the first window', () => {
    const first = 3; // the first window of the training part
    const names = (rows: number) => baselinesFor(forecasting(parseCsv(csv(rows)), options)).map(({ name }) => name);
    expect(names(364 + first + 20)).toContain('364 rows ago, scaled');
    expect(names(364 + first + 19)).not.toContain('364 rows ago, scaled');
  });

  test('the linear one sees what is known of each row ahead', () => {
    const k = Array.from({ length: 120 }, (_, i) => ((i * 37) % 23) - 11);
    const table = parseCsv(`k,y\n${k.map((v) => `${v},${3 * v}`).join('\n')}`);
    const set = forecasting(table, {
      ...{ target: 'y', known: ['k'], history: 2, horizon: 3, test: 12, validation: 0, level: 0 },
    });
    const { encoder } = set.test!.windows[0]!;
    const predicted = baselinesFor(set).at(-1)!.predict({ encoder, origin: 110 });
    for (const h of [0, 1, 2]) expect(Math.abs(predicted[h]! - 3 * k[110 + h]!)).toBeLessThan(1); // of -33 to 33
  });

  test.each([
    [3000, 0],
    [3001, 1],
  ])('of %i training windows, the linear one reads at most 3000', (windows, slope) => {
    // The target is k in even rows and -k in odd ones, so only every second window shows a relation.
    const length = windows + 4;
    const sign = (row: number) => (row % 2 === 1 ? 1 : -1);
    const k = Array.from({ length }, (_, i) => ((i * 37) % 23) - 11);
    const table = parseCsv(`k,y\n${k.map((v, i) => `${v},${sign(i) * v}`).join('\n')}`);
    const set = forecasting(table, {
      ...{ target: 'y', known: ['k'], history: 1, horizon: 1, test: 3, validation: 0, level: 0, scale: 'none' },
    });
    expect(set.train.windows).toHaveLength(windows);
    const { encoder } = set.test!.windows[0]!;
    const origin = k.findIndex((v, i) => i > 1000 && v === 11);
    expect(baselinesFor(set).at(-1)!.predict({ encoder, origin })[0]! / 11).toBeCloseTo(slope, 0);
  });
});

describe('calibration', () => {
  test('of a pair of quantiles is the k-th smallest score, with k / (n + 1) at least its share', () => {
    expect(quantilePairs([0.05, 0.1, 0.5, 0.9, 0.95])).toEqual([
      [0, 4],
      [1, 3],
    ]);
    expect(quantilePairs([0.1, 0.5, 0.8])).toEqual([]);
    // Scores of the targets 1 to 9 and 0 to 8 around [2, 4]: the larger distance from either end, negative inside.
    const windows = Array.from({ length: 9 }, (_, i) => ({
      values: Float64Array.of(2, 3, 4, 2, 3, 4),
      targets: [i + 1, i],
    }));
    windows.push({ values: Float64Array.of(2, 3, 4, 2, 3, 4), targets: [Number.NaN, 50] });
    // First row: scores 1, 0, -1, 0, 1, 2, 3, 4, 5; k = ceil(10 * 0.8) = 8. Second: 2, 1, 0, -1, 0, 1, 2, 3, 4, 46; k = 9.
    expect(calibrate(windows, [0.1, 0.5, 0.9], 2)).toEqual([[4, 4]]);
    expect(calibrate(windows.slice(0, 2), [0.1, 0.5, 0.9], 2)).toEqual([[1, 2]]); // too few: the largest
    expect(calibrate([], [0.1, 0.5, 0.9], 1)).toEqual([[0]]);
  });

  test('widens each pair of each row by its own correction', () => {
    const values = Float64Array.of(2, 3, 5, 7, 9, 20, 30, 50, 70, 90);
    const quantiles = [0.05, 0.1, 0.5, 0.9, 0.95];
    const calibration = [
      [1, 10],
      [0.5, 5],
    ];
    expect([...corrected(values, quantiles, calibration)]).toEqual([1, 2.5, 5, 7.5, 10, 10, 25, 50, 75, 100]);
    expect([...corrected(values, quantiles, null)]).toEqual([...values]);
    expect([...values].slice(0, 2)).toEqual([2, 3]); // not in place
  });

  test('a trained forecaster has the correction of its validation windows, without missing targets', async () => {
    const y = Array.from({ length: 40 }, (_, i) => (i === 33 ? '' : 10 + ((i * 7) % 5)));
    const set = forecasting(parseCsv(`x,y\n${y.map((v) => `0,${v}`).join('\n')}`), {
      ...{ target: 'y', history: 3, horizon: 2, test: 4, validation: 6, missing: 'mask', quantiles: [0.1, 0.5, 0.9] },
    });
    const one = buildModel(createReference('float32'), { ...set.spec({ hiddenSize: 2 }), seed: 4 });
    const two = buildModel(createReference('float32'), { ...set.spec({ hiddenSize: 2 }), seed: 5 });
    const { calibration, context } = await forecasterOf([one, two], set);
    const { windows } = set.validation!;
    const outputs = await Promise.all(
      windows.map(async (window) => {
        const { inputs } = encodeWindows([window], set.pipeline.sizes);
        const all: number[][] = [];
        for (const model of [one, two])
          all.push(Array.from((await model.predict(inputs, { batchSize: 1 })).output.data));
        return all[0]!.map((value, i) => (value + all[1]![i]!) / 2).slice(-6); // the rows of the horizon
      }),
    );
    const targets = windows.map((window) => {
      const { targets, weights } = encodeWindows([window], set.pipeline.sizes);
      return [3, 4].map((t) => (weights[t] === 1 ? targets[t]! : Number.NaN));
    });
    expect(targets.flat().filter(Number.isNaN)).toHaveLength(2);
    const expected = calibrate(
      outputs.map((values, i) => ({ values: Float64Array.from(values), targets: targets[i]! })),
      [0.1, 0.5, 0.9],
      2,
    );
    expect(calibration).toEqual([expected[0]!.map((value) => near(value))]);
    expect(context.map(({ length }) => length)).toEqual([3]);
    const none = forecasting(column(new Array(30).fill(1)), { target: 'y', history: 3, horizon: 2, validation: 0 });
    expect((await forecasterOf([one], none)).calibration).toBeNull();
    one.dispose();
    two.dispose();
  });
});

test('more windows than fit into one pass have the predictions that they have alone', async () => {
  const set = forecasting(column(Array.from({ length: 80 }, (_, i) => (i * 7) % 5)), {
    target: 'y',
    history: 2,
    horizon: 2,
  });
  const one = buildModel(createReference('float32'), set.spec({ hiddenSize: 2 }));
  const sizes: number[] = [];
  const predict = one.predict.bind(one);
  one.predict = ((inputs: never, options: { batchSize: number }) => {
    sizes.push(options.batchSize);
    return predict(inputs, options);
  }) as never;
  const forecaster = new Forecaster({ models: [one], pipeline: set.pipeline, calibration: null, context: [] });
  const { encoder } = set.series[0]!;
  const windows = Array.from({ length: 65 }, (_, i) => ({ encoder, origin: 2 + i }));
  const all = await forecaster.predict(windows);
  expect(sizes).toEqual([64, 1]);
  for (const i of [0, 63, 64]) {
    const [alone] = await forecaster.predict([windows[i]!]);
    expect(Array.from(all[i]!)).toEqual(Array.from(alone!, near));
  }
  one.dispose();
});

test('MASE divides by the mean change up to the last row that a window reads', async () => {
  // Changes of 1, then 9 between the last row before the window and its first one.
  const values = [...Array.from({ length: 20 }, (_, i) => i % 2), 10, 11];
  const data = forecasting(column(values), { target: 'y', history: 2, horizon: 2, test: 2, validation: 0 });
  const { methods } = await backtest(new Constant(data, [7, 8, 9]), data, { baselines: false });
  expect(methods[0]).toMatchObject({ mae: near(2.5), mase: near(2.5) }); // errors of 2 and 3
  const gap = [0, '', 2, 4, ...values.slice(4)];
  const missing = forecasting(parseCsv(`x,y\n${gap.map((y) => `0,${y}`).join('\n')}`), {
    ...{ target: 'y', history: 2, horizon: 2, test: 2, validation: 0, missing: 'mask' },
  });
  const report = await backtest(new Constant(missing, [7, 8, 9]), missing, { baselines: false });
  expect(report.methods[0]!.mase).toBeCloseTo(2.5 / ((2 + 4 + 15) / 17), 9); // 2 to 4, then 4 to 0, then changes of 1
});

test('a description has null for parts without rows, and one sample where a part has one window', () => {
  const data = forecasting(column(Array.from({ length: 30 }, (_, i) => i)), {
    ...{ target: 'y', history: 3, horizon: 2, test: 2, validation: 0 },
  });
  const { series, samples, windows, dropped, missing, gaps } = data.describe();
  expect(series).toEqual([
    {
      ...{ name: '', rows: 30, from: 'row 1', to: 'row 30', validation: null },
      ...{ train: { rows: 28, from: 'row 1', to: 'row 28' }, test: { rows: 2, from: 'row 29', to: 'row 30' } },
    },
  ]);
  expect({ windows, dropped, missing, gaps }).toEqual({
    ...{ windows: { train: 24, validation: 0, test: 1 }, dropped: 0, missing: 0, gaps: [] },
  });
  expect(samples.map(({ part, reads, predicts }) => [part, ...reads, ...predicts])).toEqual([
    ['train', 'row 1', 'row 3', 'row 4', 'row 5'],
    ['train', 'row 24', 'row 26', 'row 27', 'row 28'],
    ['test', 'row 26', 'row 28', 'row 29', 'row 30'],
  ]);
  expect(() => forecasting(3 as never, {} as never)).toThrow('table must be a table. Use parseCsv().');
});

test('walk-forward folds are three by default and read all rows', () => {
  const table = column(Array.from({ length: 40 }, (_, i) => i));
  const folds = walkForward(table, { target: 'y', history: 3, horizon: 2, test: 4, validation: 0 });
  expect(folds.map((fold) => fold.describe().series[0]!.test!.to)).toEqual(['row 32', 'row 36', 'row 40']);
  expect(() => walkForward(3 as never, {} as never)).toThrow('table must be a table, got 3.');
});
