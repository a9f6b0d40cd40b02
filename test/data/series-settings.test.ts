/** Settings of a forecasting pipeline, its scalers, its JSON, and what workers get: defaults, ranges and refusals. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { EncodedWindows } from '../../src/data/series/encoded-windows.js';
import { forecastingSettings } from '../../src/data/series/options.js';
import { forecastingPipelineFrom, preparePipeline } from '../../src/data/series/pipeline.js';
import { fitScaler, isScaler, scaled, unscaled } from '../../src/data/series/scaler.js';
import { parseCsv } from '../../src/data/table/csv.js';
import { DAY, dateText } from '../../src/data/table/dates.js';
import { thrown } from '../support/errors.js';
import { integer, number, testRanges } from '../support/ranges.js';

const NEEDED = { target: 'y', history: 5, horizon: 3 };
const LARGEST = 1_048_576;

describe('settings', () => {
  test('have the defaults of their documentation, and are copies', () => {
    expect(forecastingSettings(NEEDED)).toEqual({
      ...{ ...NEEDED, stride: 1, test: 0.1, validation: 0.1, inputs: [], known: [], lags: [], scale: 'standard' },
      ...{ level: 5, missing: 'reject', quantiles: [0.1, 0.5, 0.9], batchSize: 64 },
    });
    const given = { date: ['a', 'b'], inputs: ['x'], known: ['z'], lags: [3], quantiles: [0.5] };
    const settings = forecastingSettings({ ...NEEDED, ...given, series: 's' });
    expect(settings).toMatchObject({ ...given, series: 's' });
    for (const list of Object.values(given)) list.pop();
    expect(settings).toMatchObject({ date: ['a', 'b'], inputs: ['x'], known: ['z'], lags: [3], quantiles: [0.5] });
  });

  const having = (name: string) => (value: number) => forecastingSettings({ ...NEEDED, [name]: value });
  testRanges([
    ...['history', 'horizon', 'stride', 'batchSize'].map(
      (name) => [`options.${name}`, integer(1, LARGEST), having(name)] as const,
    ),
    ['options.level', integer(0, LARGEST), having('level')],
    ['options.test', number(0, Number.MAX_SAFE_INTEGER), having('test')],
    ['options.validation', number(0, Number.MAX_SAFE_INTEGER), having('validation')],
    ['options.lags[1]', integer(1, LARGEST), (lag) => forecastingSettings({ ...NEEDED, lags: [3, lag] })],
  ]);

  test.each<[object, string]>([
    [{ date: [] }, 'options.date must not be empty.'],
    [{ date: '' }, 'options.date must not be empty.'],
    [{ date: ['a', ''] }, 'options.date must be a list of names, got '],
    [{ date: 5 }, 'options.date must be a list of names, got 5.'],
    [{ target: 5 }, 'options.target must name a column, got 5.'],
    [{ series: 5 }, 'options.series must be a string'],
    [{ inputs: 'x' }, 'options.inputs must be a list of names, got "x".'],
    [{ inputs: [5] }, 'options.inputs must be a list of names, got '],
    [{ known: [''] }, 'options.known must be a list of names, got '],
    [{ lags: 7 }, 'options.lags must be a list of numbers, got 7.'],
    [{ missing: 'skip' }, 'options.missing must be '],
    [{ inputs: ['x'], known: ['x'] }, 'options: uses the column "x" twice.'],
    [{ known: ['y'] }, 'options: uses the column "y" twice.'],
    [{ quantiles: [] }, 'options.quantiles must be increasing numbers'],
    [{ quantiles: [0, 0.5] }, 'options.quantiles must be increasing numbers'],
    [{ quantiles: [0.5, 1] }, 'options.quantiles must be increasing numbers'],
    [{ quantiles: [0.5, 0.5] }, 'options.quantiles must be increasing numbers'],
    [{ quantiles: ['0.5'] }, 'options.quantiles must be increasing numbers'],
    [{ quantiles: Array.from({ length: 1001 }, (_, i) => (i + 1) / 1002) }, 'options.quantiles must be increasing'],
  ])('%j: %s', (change, message) => {
    expect(thrown(() => forecastingSettings({ ...NEEDED, ...change })).message).toContain(message);
  });

  test('limits themselves are accepted', () => {
    const quantiles = Array.from({ length: 999 }, (_, i) => (i + 1) / 1000);
    for (const change of [{ lags: [3] }, { test: 0 }, { test: 1 }, { level: 0 }, { quantiles }]) {
      expect(forecastingSettings({ ...NEEDED, ...change })).toMatchObject(change);
    }
  });
});

const csv = (rows: number, columns: Readonly<Record<string, (row: number) => number | string>>, targets = rows) =>
  parseCsv(
    [
      ['day', 'y', ...Object.keys(columns)].join(','),
      ...Array.from({ length: rows }, (_, i) =>
        [dateText(i * DAY), i < targets ? i : '', ...Object.values(columns).map((of) => of(i))].join(','),
      ),
    ].join('\n'),
    { name: 'a.csv' },
  );
const OPTIONS = { date: 'day', ...NEEDED, test: 0, validation: 0 };

describe('rows that are needed', () => {
  const message = (change: object) => thrown(() => preparePipeline(csv(20, {}), { ...OPTIONS, ...change })).message;

  test.each<[object, string]>([
    [
      { history: 30, validation: 4, test: 5 },
      'a.csv has 20 rows; 9 of them are for validation and test. The training part needs at least 33 rows: 30 of history and 3 to predict. Give at least 42 rows, or lower',
    ],
    [{ level: 30 }, 'needs at least 33 rows: 30 of history and 3 to predict.'],
    [{ lags: [7, 14] }, 'needs at least 22 rows: 5 of history, 14 of lags and 3 to predict.'],
    [{ test: 50 }, 'has 20 rows; 20 of them are for validation and test.'],
    [{ test: 0.5, validation: 0.4 }, 'has 20 rows; 18 of them are for validation and test.'],
    [{ validation: 2 }, 'has 2 rows in its validation part, but a window predicts 3. Set validation to 0 or to at '],
  ])('%j: %s', (change, expected) => expect(message(change)).toContain(expected));

  test('the smallest table that is accepted has one window', () => {
    const { windows } = preparePipeline(csv(8, {}), OPTIONS);
    expect([windows.train.windows.length, windows.validation.length, windows.test.length]).toEqual([1, 0, 0]);
    expect(thrown(() => preparePipeline(csv(7, {}), OPTIONS)).code).toBe('INVALID_DATA');
    const parts = preparePipeline(csv(14, {}), { ...OPTIONS, test: 3, validation: 3 }).series[0]!.split;
    expect(parts).toEqual({ train: { from: 0, to: 8 }, validation: { from: 8, to: 11 }, test: { from: 11, to: 14 } });
  });
});

test('unread rows are left out of the target and the inputs; what is known ahead stays', () => {
  const options = { ...OPTIONS, inputs: ['p'], known: ['k', 'weekday'], test: 3 };
  const table = csv(23, { p: (row) => (row < 20 ? row : ''), k: (row) => 100 + row }, 20);
  const all = preparePipeline(table, options);
  const { series, windows } = preparePipeline(table, options, { unread: 4 });
  const lengths = ({ values, length }: (typeof series)[0]['encoder']['series']) => [
    length,
    ...values.map((v) => v.length),
  ];
  expect(lengths(all.series[0]!.encoder.series)).toEqual([20, 20, 20, 23]);
  expect(lengths(series[0]!.encoder.series)).toEqual([16, 16, 16, 23]);
  expect(series[0]!.split.test).toEqual({ from: 13, to: 16 });
  expect(windows.test.windows.map(({ origin }) => origin)).toEqual([13]);
  const read = preparePipeline(table, options, { unread: 4, fitted: all.pipeline });
  expect(read.pipeline).toBe(all.pipeline);
  expect(read.windows.test.batch(0)).not.toEqual(windows.test.batch(0)); // the scalers of more rows
});

describe('scalers', () => {
  test.each([
    ['standard', [1, 3], { offset: 2, factor: 1 }],
    ['sqrt', [1, 9], { offset: 2, factor: 1 }],
    ['log', [1, Math.exp(4)], { offset: 2, factor: 2 }],
    ['minMax', [3, 8, 5], { offset: 3, factor: 5 }],
    ['minMax', [4, 4], { offset: 4, factor: 1 }],
    ['standard', [4, 4, 4], { offset: 4, factor: 1 }],
    ['none', [4, 6], { offset: 0, factor: 1 }],
    ['none', [], { offset: 0, factor: 1 }],
  ] as const)('%s of %j', (kind, values, expected) =>
    expect(fitScaler(kind, values, 'y')).toEqual({ kind, ...expected }),
  );

  test.each([
    ['log', [1, 0], 'y has the value 0; scale "log" needs positive values. Set scale to "standard".'],
    ['sqrt', [1, -2], 'y has the value -2; scale "sqrt" needs values of at least 0.'],
    ['standard', [Number.NaN], 'y has no value in the training part.'],
  ] as const)('%s refuses %j', (kind, values, message) => {
    expect(thrown(() => fitScaler(kind, values, 'y')).message).toContain(message);
  });

  test('values with no root or logarithm become NaN, and a negative root becomes 0', () => {
    expect([scaled(fitScaler('log', [1, 9], 'y'), 0), scaled(fitScaler('sqrt', [1, 9], 'y'), -1)]).toEqual([
      Number.NaN,
      Number.NaN,
    ]);
    const root = fitScaler('sqrt', [1, 9], 'y');
    expect([-3, -2, -1, 0, 1].map((value) => unscaled(root, value))).toEqual([0, 0, 1, 4, 9]);
  });

  test('columns that are not the target have no logarithm or root, but the other kinds', () => {
    const table = csv(30, { y2: (row) => row + 1, p: (row) => row % 3 });
    for (const [scale, kind] of [
      ['log', 'standard'],
      ['sqrt', 'standard'],
      ['minMax', 'minMax'],
      ['none', 'none'],
    ] as const) {
      const { pipeline } = preparePipeline(table, { ...OPTIONS, target: 'y2', inputs: ['p'], scale });
      expect(pipeline.toJSON().scalers['']!.map((one) => one.kind)).toEqual([scale, kind]);
    }
  });
});

describe('a pipeline from JSON', () => {
  const { pipeline } = preparePipeline(csv(30, { p: (r) => r, k: (r) => r }), {
    ...OPTIONS,
    ...{ inputs: ['p'], known: ['k', 'weekday'] },
  });
  const json = () => JSON.parse(JSON.stringify(pipeline));
  const scaler = json().scalers[''][0];

  test('is the same', () => {
    expect(forecastingPipelineFrom(json()).toJSON()).toEqual(json());
    expect(forecastingPipelineFrom(json()).sizes).toEqual({ steps: 8, inputSize: 11, batchSize: 64 });
  });

  test.each<[string, object, string]>([
    ['another kind', { kind: 'labeling' }, 'it is not that of a forecaster'],
    ['no settings', { settings: null }, 'it has no settings'],
    ['no frequency', { frequency: null }, 'its frequency'],
    ['an unknown unit', { frequency: { unit: 'week', every: 1 } }, 'its frequency'],
    ['every 0', { frequency: { unit: 'month', every: 0 } }, 'its frequency'],
    ['every infinite', { frequency: { unit: 'month', every: Number.POSITIVE_INFINITY } }, 'its frequency'],
    ['no scalers', { scalers: null }, 'it has no scalers'],
    ['a list missing', { scalers: { '': null } }, 'its scalers'],
    ['a scaler too few', { scalers: { '': [scaler, scaler] } }, 'its scalers'],
    ['a hole', { scalers: { '': Object.assign([scaler, scaler], { length: 3 }) } }, 'its scalers'],
    ['a bad second series', { scalers: { '': [scaler, scaler, scaler], b: [] } }, 'its scalers'],
  ])('%s', (_, change, problem) => {
    expect(thrown(() => forecastingPipelineFrom({ ...json(), ...change })).message).toContain(
      `is damaged: ${problem}.`,
    );
  });

  test('a scaler has a known kind, a finite offset and a positive factor', () => {
    const good = { kind: 'log', offset: 0, factor: 1 };
    expect(isScaler(good)).toBe(true);
    const bad = [{ kind: 'ln' }, { offset: Number.NaN }, { factor: Number.POSITIVE_INFINITY }, { factor: 0 }];
    for (const change of bad) expect(isScaler({ ...good, ...change })).toBe(false);
    expect(isScaler(null)).toBe(false);
  });

  test('a series that it does not know is refused by its name', () => {
    const options = { target: 'y', series: 'p', history: 2, horizon: 1, test: 0, validation: 0 };
    const of = (names: string) =>
      parseCsv(`y,p\n${[...names].map((name, i) => `${i},${name}`).join('\n')}`, { name: 'b' });
    const { pipeline: known } = preparePipeline(of('aaaabbbb'), options);
    expect(known.read(of('bbaa')).encoders.map(({ series }) => series.name)).toEqual(['b', 'a']);
    expect(thrown(() => known.read(of('aacc'))).message).toContain('series "c": was not in the training data.');
  });
});

test('the windows of a worker are those of the source, in its order, shuffled by the same numbers', () => {
  const { windows } = preparePipeline(csv(20, { p: (row) => row * row }), { ...OPTIONS, inputs: ['p'], batchSize: 4 });
  const { kind, ...parts } = windows.train.describe();
  const encoded = new EncodedWindows(parts);
  const batches = (source: { length: number; batch(index: number): unknown }) =>
    Array.from({ length: source.length }, (_, i) => source.batch(i));
  expect(kind).toBe('windows');
  expect(batches(encoded)).toHaveLength(4);
  expect(batches(encoded)).toEqual(batches(windows.train));
  const shuffled = encoded.shuffled(createRng(3, 'order'));
  expect(batches(shuffled)).toEqual(batches(windows.train.shuffled(createRng(3, 'order'))));
  expect(batches(shuffled)).not.toEqual(batches(encoded));
  expect(batches(new EncodedWindows(shuffled.describe()))).toEqual(batches(shuffled));
  expect([encoded.stateful, windows.train.stateful]).toEqual([false, false]);
  for (const source of [encoded, windows.train]) {
    expect(thrown(() => source.batch(4)).message).toContain('batch index must be an integer from 0 to 3, got 4.');
  }
  expect(thrown(() => windows.train.shuffled(5 as never)).message).toContain('rng');
});
