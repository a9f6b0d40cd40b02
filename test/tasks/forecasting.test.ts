/** Forecasters from the table to the forecast: training, backtest with baselines, intervals, model files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { deserializeModel } from '../../src/create.js';
import { fitScaler, scaled, unscaled } from '../../src/data/series/scaler.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { calibrate, corrected } from '../../src/tasks/conformal.js';
import { Forecaster } from '../../src/tasks/forecaster.js';
import {
  backtest,
  ensemble,
  type ForecastingData,
  forecasterFrom,
  forecasting,
  parseCsv,
  trainForecaster,
  walkForward,
} from '../../src/tasks/index.js';
import { ridge } from '../../src/tasks/ridge.js';
import { rejected, thrown } from '../support/errors.js';

const ROOT = join(__dirname, '../..');
const births = () =>
  parseCsv(readFileSync(join(ROOT, 'data/us-births-1969-1988.csv'), 'utf8'), { name: 'us-births-1969-1988.csv' });
const DATE = ['year', 'month', 'date_of_month'];

/** A weekly pattern with a trend. */
const weekly = (rows: number, noise = 0): string => {
  const random = createRng(1, 'weekly');
  const y = Array.from({ length: rows }, (_, i) => 50 + i / 10 + (i % 7 < 5 ? 10 : -10) + noise * random.normal());
  const dates = y.map((_, i) => new Date(i * 86_400_000).toISOString().slice(0, 10));
  return `day,y\n${y.map((value, i) => `${dates[i]},${value.toFixed(3)}`).join('\n')}`;
};
const OPTIONS = {
  date: 'day',
  target: 'y',
  history: 14,
  horizon: 7,
  test: 28,
  validation: 28,
  known: ['weekday'],
  batchSize: 8,
} as const;
const SMALL = { hiddenSize: 8, epochs: 6, learningRate: 0.02, backend: { backend: 'reference' } } as const;

let data: ForecastingData;
let forecaster: Forecaster;
beforeAll(async () => {
  data = forecasting(parseCsv(weekly(200)), OPTIONS);
  forecaster = await trainForecaster(data, { ...SMALL, epochs: 12, learningRate: 0.03, seeds: [1, 2] });
});

test('the baselines on US births are the published ones: the windows of GIFT-Eval, us_births/D/short', async () => {
  const options = { date: DATE, target: 'births', history: 28, horizon: 30, stride: 200, test: 600, validation: 0 };
  const set = forecasting(births(), options);
  expect(set.describe()).toMatchObject({
    gaps: [],
    windows: { test: 20 },
    series: [{ rows: 7305, test: { from: '1987-05-12', to: '1988-12-31' } }],
  });
  const untrained = await trainForecaster(set, { ...SMALL, epochs: 1, fit: { maxUpdates: 1 } });
  const { methods, targets } = await backtest(untrained, set);
  untrained.dispose();
  const maeOf = (name: string): string => methods.find((method) => method.name === name)!.mae.toFixed(1);
  expect(targets).toBe(600);
  expect([maeOf('naive'), maeOf('7 rows ago'), maeOf('364 rows ago, scaled')]).toEqual(['1266.9', '405.1', '270.9']);
  expect(methods[1]!.mase.toFixed(3)).toBe('1.865');
});

test('a forecaster learns a weekly pattern better than naive, and its best weights are back', async () => {
  const report = await backtest(forecaster, data);
  const [own, naive] = report.methods;
  expect(own!.name).toBe('LSTM, 2 seeds together');
  expect(own!.mae).toBeLessThan(0.5 * naive!.mae);
  expect(report.windows).toBe(4);
  expect(report.horizon.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(report.warnings).toEqual([]);
});

test('a forecast has dates and the units of the column, and its quantiles are in order', async () => {
  const rows = await forecaster.forecast({ next: 3 });
  expect(rows.map(({ date }) => date)).toEqual(['1970-07-20', '1970-07-21', '1970-07-22']);
  for (const { low, median, high, quantiles } of rows) {
    expect(low).toBeLessThanOrEqual(median);
    expect(median).toBeLessThanOrEqual(high);
    expect(quantiles).toEqual([low, median, high]);
    expect(median).toBeGreaterThan(40);
    expect(median).toBeLessThan(100);
  }
});

test('a recursive forecast continues the direct one, whose length is limited', async () => {
  const error = await rejected(() => forecaster.forecast({ next: 9 }));
  expect(error.message).toContain('options.next must be at most the horizon, 7, got 9. Set method to "recursive"');
  const further = await forecaster.forecast({ next: 16, method: 'recursive' });
  expect(further.slice(0, 7)).toEqual(await forecaster.forecast());
  expect(further.at(-1)!.date).toBe('1970-08-04');
});

test('newer rows of the same series are read with the scalers of the training', async () => {
  const rows = await forecaster.forecast({ next: 1, table: parseCsv(weekly(201)) });
  expect(rows[0]!.date).toBe('1970-07-21');
  const same = await forecaster.forecast({ next: 1, table: parseCsv(weekly(200)) });
  expect(same).toEqual(await forecaster.forecast({ next: 1 }));
});

test('a table that ends before that of the training is refused: its test part would have been trained on', () => {
  expect(forecaster.data(parseCsv(weekly(200))).describe()).toEqual(data.describe());
  expect(() => forecaster.data(parseCsv(weekly(199)))).toThrow(
    'table: ends at 1970-07-18, but the data of the training ended at 1970-07-19',
  );
});

test('the description says what a window reads and predicts', () => {
  expect(data.describe()).toMatchObject({
    frequency: 'daily',
    shortest: 21,
    windows: { train: 124, validation: 22, test: 4 },
  });
  expect(data.describe().samples[0]).toEqual({
    ...{ part: 'train', series: '' },
    reads: ['1970-01-01', '1970-01-14'],
    predicts: ['1970-01-15', '1970-01-21'],
  });
});

test('a model file has the whole pipeline: a reloaded forecaster gives the same bits', async () => {
  const models = await Promise.all(
    forecaster.models.map(async (model) => {
      const bytes = await serializeModel(model, { metadata: forecaster.metadata() });
      return deserializeModel(bytes, { backend: 'reference' });
    }),
  );
  const restored = forecasterFrom(
    models.map(({ model }) => model),
    models[0]!.metadata,
  );
  expect(await restored.forecast()).toEqual(await forecaster.forecast());
  expect((await backtest(restored, data)).methods).toEqual((await backtest(forecaster, data)).methods);
  const { metadata } = models[0]!;
  for (const part of ['pipeline', 'calibration', 'context']) {
    expect(() => forecasterFrom([models[0]!.model], { ...metadata, [part]: 7 })).toThrow(/is damaged/);
  }
  restored.dispose();
});

test('on noise, whose future is shuffled, a forecaster does not beat the mean', async () => {
  const random = createRng(3, 'noise');
  const y = Array.from({ length: 240 }, () => random.normal());
  const table = parseCsv(`y\n${y.join('\n')}`);
  const set = forecasting(table, { target: 'y', history: 8, horizon: 4, test: 80, validation: 40, level: 0 });
  const noise = await trainForecaster(set, { ...SMALL, epochs: 4 });
  const { methods } = await backtest(noise, set, { baselines: false });
  const test = y.slice(-80);
  const chance = test.reduce((sum, v) => sum + Math.abs(v), 0) / 80;
  expect(methods[0]!.mae).toBeGreaterThan(0.95 * chance);
  noise.dispose();
});

describe('conformal correction', () => {
  test('intervals of the calibration windows cover their share, whatever the model predicts', () => {
    const random = createRng(2, 'a');
    const quantiles = [0.1, 0.5, 0.9];
    const windows = Array.from({ length: 99 }, () => ({
      values: Float64Array.of(-0.1, 0, 0.1, -5, 0, 5), // too narrow in the first row, too wide in the second
      targets: [random.normal(), random.normal()],
    }));
    const calibration = calibrate(windows, quantiles, 2);
    for (const h of [0, 1]) {
      const inside = windows.filter(({ values, targets }) => {
        const [low, , high] = corrected(values, quantiles, calibration).subarray(3 * h);
        return targets[h]! >= low! && targets[h]! <= high!;
      });
      expect(inside).toHaveLength(80);
    }
  });

  test('crossing quantiles are sorted, and a quantile without a partner stays', () => {
    expect([...corrected(Float64Array.of(3, 2, 1), [0.1, 0.5, 0.9], [[0]])]).toEqual([1, 2, 3]);
    expect([...corrected(Float64Array.of(1, 2), [0.2, 0.5], [])]).toEqual([1, 2]);
  });
});

test('ridge regression solves the normal equations', () => {
  const rows = [Float64Array.of(1, 0, 2), Float64Array.of(0, 1, 1), Float64Array.of(2, 1, 0), Float64Array.of(1, 1, 1)];
  const y = [5, 4, 3, 6];
  const w = ridge(rows, y, 0.5);
  for (let i = 0; i < 3; i++) {
    const residual = rows.reduce((sum, x, r) => sum + x[i]! * (x.reduce((s, v, k) => s + v * w[k]!, 0) - y[r]!), 0);
    expect(residual + 0.5 * w[i]!).toBeCloseTo(0, 10);
  }
});

test('a flat forecast is reported', async () => {
  const flat = await trainForecaster(data, { ...SMALL, epochs: 1, learningRate: 1e-9 });
  const level = new Forecaster({
    ...flat,
    models: flat.models,
    calibration: null,
    pipeline: flat.pipeline,
    context: flat.context,
  });
  for (const model of flat.models) {
    for (const { name, size } of model.parameters.layout.entries) model.parameters.set(name, new Float32Array(size));
  }
  expect((await backtest(level, data, { baselines: false })).warnings[0]).toContain('the forecast is flat');
  flat.dispose();
});

test.each([
  ['hiddenSize', 0],
  ['layers', [Symbol('s')]],
  ['dropout', '0.5'],
] as const)('the size %s is checked', (name, value) => {
  expect(thrown(() => data.spec({ [name]: value } as never)).message).toMatch(new RegExp(`^sizes\\.${name} must be`));
});

test('an ensemble needs forecasters of the same data', async () => {
  for (const list of [[], new Array(2), [forecaster, null]] as never[]) {
    expect((await rejected(() => ensemble(list, data))).message).toContain(
      'forecasters that were trained on this data',
    );
  }
});

test('walk-forward folds are trained on the rows before their test parts only, which follow each other', () => {
  const table = parseCsv(weekly(150));
  const folds = walkForward(table, { ...OPTIONS, test: 14, validation: 7 }, { folds: 3, unread: 10 });
  const parts = folds.map((fold) => fold.describe().series[0]!);
  expect(parts.map(({ test }) => [test!.from, test!.to])).toEqual([
    ['1970-04-09', '1970-04-22'],
    ['1970-04-23', '1970-05-06'],
    ['1970-05-07', '1970-05-20'],
  ]);
  const whole = forecasting(parseCsv(weekly(112)), { ...OPTIONS, test: 14, validation: 7 });
  expect(folds[0]!.pipeline.toJSON()).toEqual(whole.pipeline.toJSON());
  expect(folds[0]!.train.batch(0)).toEqual(whole.train.batch(0));
  expect(() => walkForward(table, OPTIONS, { folds: 5 })).toThrow('The training part needs at least');
  expect(() => walkForward(table, { ...OPTIONS, test: 0.1 })).toThrow('options.test must be an integer from 1');
});

test('a square root scales counts, and its inverse is never negative', () => {
  const scaler = fitScaler('sqrt', [0, 1, 4, 9, 16], 'x');
  expect(scaler.offset).toBe(2);
  for (const value of [0, 2, 100]) expect(unscaled(scaler, scaled(scaler, value))).toBeCloseTo(value, 12);
  expect(unscaled(scaler, -50)).toBe(0);
  expect(() => fitScaler('sqrt', [1, -1], 'x')).toThrow('has the value -1; scale "sqrt" needs values of at least 0.');
});
