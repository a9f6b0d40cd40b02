/** What commands print, character by character: tables, figures, counts, times. */
import { describe, expect, test } from '@jest/globals';
import { cellOf } from '../../src/cli/forecast/cell.js';
import { printData } from '../../src/cli/forecast/describe.js';
import { printBacktest } from '../../src/cli/forecast/report.js';
import {
  bestSeed,
  isSeedResult,
  meanAndSpread,
  printSeeds,
  seedFile,
  weightsText,
} from '../../src/cli/forecast/seeds.js';
import { forecastingOptionsOf } from '../../src/cli/forecast/settings.js';
import { printReport, printSamples } from '../../src/cli/labels/report.js';
import { clock, grouped, type Output, settingText } from '../../src/cli/output.js';
import { tableText } from '../../src/cli/report/tables.js';

/** The lines that `act` prints. */
function linesOf(act: (out: Output) => void): string[] {
  const lines: string[] = [];
  act({ print: (text: string) => void lines.push(...text.split('\n')) } as Output);
  return lines;
}

describe('numbers', () => {
  test('times', () => {
    expect([0, 59.4, 75, 3599, 3600, 3661, 36_000, -3].map(clock)).toEqual([
      ...['0:00', '0:59', '1:15', '59:59', '1:00:00', '1:01:01', '10:00:00', '0:00'],
    ]);
  });

  test('counts and settings', () => {
    expect([0, 999.6, 1234567].map(grouped)).toEqual(['0', '1,000', '1,234,567']);
    expect([{ a: 1 }, 'x', 2, undefined, null].map(settingText)).toEqual(['{"a":1}', 'x', '2', 'undefined', 'null']);
  });

  test('columns of numbers are right-aligned, unless the table is empty or has a text', () => {
    const columns = ['name', 'n'];
    expect(
      tableText({
        columns,
        rows: [
          ['a', 5],
          ['bcdef', '1,234'],
        ],
      }),
    ).toBe('name       n\na          5\nbcdef  1,234');
    expect(
      tableText({
        columns,
        rows: [
          ['a', 5],
          ['b', 'none'],
        ],
      }),
    ).toBe('name  n\na     5\nb     none');
    expect(tableText({ columns, rows: [] })).toBe('name  n');
  });
});

test('cells of Parquet files', () => {
  const day = new Date(Date.UTC(2024, 0, 2));
  const values = [null, undefined, day, new Date(day.getTime() + 1), new Date(Number.NaN), 12n, 1.5, 't', false];
  expect(values.map(cellOf)).toEqual([null, null, '2024-01-02', '2024-01-02T00:00:00.001Z', null, 12, 1.5, 't', false]);
  expect([[1], {}, new Uint8Array(1)].map(cellOf)).toEqual([undefined, undefined, undefined]);
});

describe('forecasting', () => {
  const step = (n: number) => ({ step: n, mae: n / 3, coverage: n / 20, width: 2 * n });
  const report = {
    ...{ windows: 1200, targets: 24_000, warnings: ['flat.'] },
    methods: [
      { name: 'LSTM', mae: 1.234567, rmse: 2, mase: 0.5, wql: 0.123456789 },
      { name: 'naive', mae: Number.NaN, rmse: 12345.678, mase: 1e-9, wql: null },
    ],
    horizon: [1, 2].map(step),
    interval: { nominal: 0.8, coverage: 0.75555, width: 3.33333333 },
  };

  test('a backtest', () => {
    expect(linesOf((out) => printBacktest(report, out))).toEqual([
      '',
      '1,200 windows of the test part, 24,000 values',
      'method     MAE   RMSE  MASE      wQL',
      'LSTM    1.2346      2   0.5  0.12346',
      'naive        -  12346  1e-9        -',
      '',
      'By rows ahead; the interval is to cover 80.0 %',
      'ahead      MAE  covered  width',
      '    1  0.33333  5.0 %        2',
      '    2  0.66667  10.0 %       4',
      'all: 75.6 % covered, mean width 3.3333',
      'Warning: flat.',
    ]);
    const long = { ...report, interval: null, horizon: Array.from({ length: 21 }, (_, i) => step(i + 1)) };
    const lines = linesOf((out) => printBacktest(long, out));
    expect(lines.slice(6, 8)).toEqual(['By rows ahead', 'ahead      MAE']);
    const ahead = lines.slice(8, -1).map((line) => Number(line.trim().split(' ')[0]));
    expect(ahead).toEqual([1, 3, 5, 8, 10, 12, 14, 17, 19, 21]); // ten rows, evenly spread
    const one = linesOf((out) => printBacktest({ ...report, horizon: [step(1)] }, out));
    expect(one.slice(7, 9)).toEqual(['ahead      MAE  covered  width', '    1  0.33333  5.0 %        2']);
  });

  const part = (rows: number) => ({ rows, from: 'a', to: 'b' });
  const series = (name: string, train: number, validation: number, test: number) => ({
    ...{ name, ...part(train + validation + test), train: part(train) },
    ...{ validation: validation ? part(validation) : null, test: test ? part(test) : null },
  });
  const gap = { series: '', from: 'g', to: 'h', rows: 3, afterLine: 7 };
  const data = {
    ...{ frequency: 'daily', inputs: [], gaps: [], missing: 1500, dropped: 0, shortest: 1021 },
    windows: { train: 1000, validation: 20, test: 3 },
    series: [series('', 90, 6, 4)],
    samples: [{ part: 'train' as const, series: '', reads: ['p', 'q'] as const, predicts: ['r', 's'] as const }],
  };

  test('the parts of a table', () => {
    expect(linesOf((out) => printData(data, { history: 14, horizon: 7 }, out))).toEqual([
      ...['', 'Frequency: daily. Gaps: none. Missing values: 1,500.'],
      ...['', '100 rows, a to b', `  ${'*'.repeat(54)}xxxx--`],
      '  * train       90 rows, a to b, 1,000 windows',
      '  x validation  6 rows, a to b, 20 windows',
      '  - test        4 rows, a to b, 3 windows',
      '',
      'A window reads 14 rows and predicts 7. A training part needs at least 1,021 rows.',
      'first and last windows  read    predict',
      'train                   p to q  r to s',
    ]);
  });

  test('several series, gaps and windows that are left out', () => {
    const many = {
      ...{ ...data, dropped: 1234, gaps: [...new Array(6).fill(gap), { ...gap, series: 'late' }] },
      series: ['s', 't', 'u', 'v', 'w', 'x', 'y'].map((name) => series(name, 200, 0, 1)),
    };
    const lines = linesOf((out) => printData(many, { history: 1, horizon: 1 }, out));
    expect(lines.slice(1, 8)).toEqual([
      'Frequency: daily. Gaps: 7. Missing values: 1,500.',
      ...new Array(5).fill('  g to h, 3 rows, after line 7'),
      '  and 2 more',
    ]);
    expect(lines.slice(9, 14)).toEqual([
      's: 201 rows, a to b',
      `  ${'*'.repeat(60)}-`, // a part has at least one mark
      ...['  * train       200 rows, a to b', '  x validation  none', '  - test        1 rows, a to b'],
    ]);
    expect(lines.slice(-8, -3)).toEqual([
      'and 2 more series',
      ...[
        '',
        'Windows: train 1,000, validation 20, test 3',
        '1,234 windows are left out because they miss a value.',
        '',
      ],
    ]);
    expect(lines.slice(-2)).toEqual([
      'series  first and last windows  read    predict',
      '        train                   p to q  r to s',
    ]);
    const named = linesOf((out) =>
      printData({ ...data, gaps: [{ ...gap, series: 'late' }] }, { history: 1, horizon: 1 }, out),
    );
    expect(named[2]).toBe('  late: g to h, 3 rows, after line 7');
  });

  test('several seeds', () => {
    const figures = [
      { seed: 3, validationLoss: 0.5, mae: 2 },
      { seed: 4, validationLoss: 0.7, mae: null },
      { seed: 5, validationLoss: 1.2, mae: 4 },
    ];
    expect(linesOf((out) => printSeeds(figures, out))).toEqual([
      '',
      'seed                validation loss  test MAE',
      '3                               0.5         2',
      '4                               0.7         -',
      '5                               1.2         4',
      'mean                            0.8         -',
      'standard deviation          0.36056         -', // the root of (0.09 + 0.01 + 0.16) / 2
    ]);
    expect(meanAndSpread([1, 3])).toEqual({ mean: 2, spread: expect.closeTo(Math.SQRT2, 12) });
    const best = (loss: number) => ({ seed: 1, updates: 3000, best: { update: 1500, loss } });
    expect(bestSeed([best(2), best(1), best(1)])).toBe(1);
    expect(bestSeed([{ ...best(1), best: null }, best(5)])).toBe(1);
    expect(weightsText(best(1))).toBe('the best weights, of update 1,500');
    expect(weightsText({ ...best(1), best: null })).toBe('the weights after 3,000 updates');
    expect(seedFile('m/a.safetensors', 7)).toBe('m/a.seed-7.safetensors');
    expect([best(1), { seed: 1 }, { updates: 1 }, { seed: 0.5, updates: 1 }, 3].map(isSeedResult)).toEqual([
      ...[true, false, false, false, false],
    ]);
  });

  test('options are lists where they are lists, and left out where nothing is given', () => {
    const none = { target: 'y', date: undefined, inputs: undefined, known: undefined, lags: undefined } as never;
    expect(forecastingOptionsOf(none)).toEqual({ target: 'y' });
    const all = { date: 'y, m', inputs: 'a', known: 'b,c', lags: '7, 364', quantiles: '0.1,', batchSize: 3 } as never;
    expect(forecastingOptionsOf(all)).toEqual({
      ...{ date: ['y', 'm'], inputs: ['a'], known: ['b', 'c'], lags: [7, 364], quantiles: [0.1, Number.NaN] },
      batchSize: 3,
    });
    expect(forecastingOptionsOf({ date: 'day' } as never)).toEqual({ date: 'day' });
  });
});

describe('labels', () => {
  const method = { name: 'LSTM', accuracy: 0.987654, f1: 0.5, accuracyInterval: [0.97, 1], f1Interval: [0.4, 0.6] };
  const label = (name: string) => ({ name, precision: 0.25, recall: Number.NaN, f1: 0.3333, support: 1234 });
  const report = {
    ...{ samples: 1500, labels: 1500, methods: [method], classes: [label('x'), label('y')] },
    matrix: [
      [1234, 5],
      [6, 7],
    ],
    ...{ loss: 0.123456, calibration: { ece: 0.0512, bins: [] }, warnings: ['worse.'] },
  } as never;

  test('a test', () => {
    const lines = linesOf((out) => printReport(report, out));
    expect(lines).toEqual([
      ...['', '1,500 test samples'],
      'method  accuracy  95 % interval    F1      95 % interval',
      'LSTM    98.8 %    97.0 to 100.0 %  50.0 %  40.0 to 60.0 %',
      ...['', 'label  precision  recall  F1      number'],
      ...['x      25.0 %     NaN %   33.3 %   1,234', 'y      25.0 %     NaN %   33.3 %   1,234'],
      ...['', 'label \\ predicted      x  y', 'x                  1,234  5', 'y                      6  7'],
      ...['', 'Cross-entropy 0.1235 nats; expected calibration error 5.1 %', 'Warning: worse.'],
    ]);
  });

  test('a test with other numbers of labels, and of many classes', () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => label(`c${i}`));
    const of = (count: number) =>
      ({ ...(report as object), labels: 30_000, classes: names(count), matrix: [] }) as never;
    const [twenty, more] = [20, 21].map((count) => linesOf((out) => printReport(of(count), out)));
    expect(twenty![1]).toBe('1,500 test samples, 30,000 labels');
    expect(twenty!.filter((line) => /^c\d+ /.test(line))).toHaveLength(20);
    expect(more!.filter((line) => /^c\d+ /.test(line))).toHaveLength(20);
    const hasMatrix = (lines: readonly string[]) => lines.some((line) => line.startsWith('label \\ predicted'));
    expect([hasMatrix(twenty!), hasMatrix(more!)]).toEqual([true, false]);
  });

  test('samples', () => {
    const description = {
      ...{
        task: 'classification' as const,
        samples: { train: 1000, validation: 20, test: 3 },
        tokens: 1030,
        padding: 0.0512,
      },
      classes: [{ name: 'x', train: 1500, validation: 2, test: 1 }],
      lengths: { min: 1, median: 5, max: 1200 },
      examples: [{ place: 'line 2', label: 'x', input: 'abc' }],
    } as const;
    const lines = linesOf((out) => printSamples(description, out));
    expect(lines).toEqual([
      ...['', 'Samples: training 1,000, validation 20, test 3'],
      'Lengths: 1 to 1,200 time steps, median 5; 5.1 % of a batch is padding.',
      'Vocabulary: 1,030, from the training part.',
      ...['', 'class  training  validation  test', 'x         1,500           2     1'],
      ...['', 'first samples  label  input', 'line 2         x      abc'],
    ]);
    const classes = Array.from({ length: 22 }, (_, i) => ({ ...description.classes[0], name: `t${i}` }));
    const tags = linesOf((out) => printSamples({ ...description, task: 'tagging', tokens: null, classes }, out));
    expect(tags.some((line) => line.startsWith('Vocabulary'))).toBe(false);
    expect(tags.filter((line) => line.startsWith('t'))).toHaveLength(21); // twenty tags after their title
    expect(tags).toContain('and 2 more');
  });
});
