/** The figures of the reports, derived on paper from fixed predictions instead of those of a trained model. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import type { EncodedSample } from '../../src/data/sequences/source.js';
import type { Window } from '../../src/data/series/windows.js';
import { contextOf, Forecaster } from '../../src/tasks/forecaster.js';
import {
  backtest,
  classification,
  forecasting,
  type LabeledData,
  parseCsv,
  testLabeler,
} from '../../src/tasks/index.js';
import { Classifier } from '../../src/tasks/labeler.js';
import { predictSequences } from '../../src/tasks/predict-sequences.js';

const near = (value: number) => expect.closeTo(value, 12);

const contextsOf = ({ series, pipeline }: ReturnType<typeof forecasting>) =>
  series.map(({ encoder }) => contextOf(encoder.series, pipeline));

/** A forecaster whose predictions are given. */
class Fixed extends Forecaster {
  readonly seen: Window[] = [];
  private readonly values: readonly Float64Array[];

  constructor(data: ReturnType<typeof forecasting>, values: readonly (readonly number[])[], models = 1) {
    super({ models: new Array(models), pipeline: data.pipeline, calibration: null, context: contextsOf(data) });
    this.values = values.map((list) => Float64Array.from(list));
  }

  override async predict(windows: readonly Window[]): Promise<Float64Array[]> {
    this.seen.push(...windows);
    return [...this.values];
  }
}

describe('a backtest', () => {
  /** 10 and 12 in turn: the mean change is 2. The test part has the windows 10, 12, 10 and 12, 10, 12. */
  const rows = Array.from({ length: 60 }, (_, i) => 10 + 2 * (i % 2));
  const options = { target: 'y', history: 4, horizon: 3, test: 6, validation: 0, quantiles: [0.1, 0.5, 0.9] };
  const data = forecasting(parseCsv(`y\n${rows.join('\n')}`), options);
  const first = [9, 11, 13, 9, 10, 11, 10, 10, 14];
  const second = [8, 9, 12, 6, 10, 13, 12.5, 13, 14.5];

  test('has errors, quantile losses, coverages and widths, in all and by row of the horizon', async () => {
    const report = await backtest(new Fixed(data, [first, second]), data);
    const [own, naive, linear] = report.methods;
    expect(own).toEqual({
      name: 'LSTM',
      mae: near(7 / 6), // 1, 2, 0 and 3, 0, 1
      rmse: near(Math.sqrt(15 / 6)),
      mase: near(7 / 12),
      wql: near((3.3 + 7 + 4.3) / 3 / 66), // twice the losses of each quantile; the targets add up to 66
    });
    expect(naive).toEqual({
      name: 'naive',
      mae: near(4 / 3),
      rmse: near(Math.sqrt(8 / 3)),
      mase: near(2 / 3),
      wql: null,
    });
    expect(linear!.name).toBe('linear autoregression');
    expect(linear!.mae).toBeLessThan(0.1); // it sees the pattern; only the ridge shrinks it
    expect(report).toMatchObject({
      ...{ windows: 2, targets: 6, warnings: [] },
      horizon: [
        { step: 1, mae: 2, coverage: 1, width: 4 },
        { step: 2, mae: 1, coverage: 0.5, width: 4.5 },
        { step: 3, mae: 0.5, coverage: 0.5, width: 3 },
      ],
      interval: { nominal: near(0.8), coverage: near(4 / 6), width: near(23 / 6) },
    });
    const median = await backtest(new Fixed(data, [first, second], 2), data, { quantiles: [0.5], baselines: false });
    expect(median.methods).toEqual([{ ...own, name: 'LSTM, 2 seeds together', wql: near(7 / 66) }]);
  });

  test('leaves out missing targets, and has no interval without a pair of quantiles', async () => {
    const gap = forecasting(parseCsv(`x,y\n${rows.map((y, i) => (i === 55 ? '0,' : `0,${y}`)).join('\n')}`), {
      ...options,
      ...{ quantiles: [0.5, 0.9], missing: 'mask' },
    });
    const one = (values: readonly number[]) => values.flatMap((v, i) => (i % 3 === 0 ? [] : [v]));
    const report = await backtest(new Fixed(gap, [one(first), one(second)]), gap, { baselines: false });
    expect(report).toMatchObject({ targets: 5, interval: null });
    expect(report.methods[0]).toMatchObject({
      mae: near(5 / 5),
      mase: near(5 / 5 / 2),
      wql: near((5 + 4.3 - 1.8) / 2 / 54),
    });
    expect(report.horizon[1]).toEqual({ step: 2, mae: 0, coverage: null, width: null });
  });

  test.each([
    [0.099, 4, 1],
    [0.101, 4, 0],
    [0.099, 0.09, 2],
  ])('medians that vary by %d and %d, with targets by 2: %i flat windows', async (one, two, flat) => {
    const values = [one, two].map((spread) => [10, 10 + spread, 10].flatMap((m) => [m, m, m]));
    const { warnings } = await backtest(new Fixed(data, values), data, { baselines: false });
    const sentence = `In ${flat} of 2 windows the forecast is flat: it varies by less than a twentieth of the targets.`;
    expect(warnings).toEqual(flat > 0 ? [sentence] : []);
  });

  test('flat medians are reported from half of the windows on, and only where the targets change', async () => {
    const warningsOf = async (list: readonly number[], y: (i: number) => number) => {
      const table = parseCsv(`y\n${rows.map((_, i) => y(i)).join('\n')}`);
      const set = forecasting(table, { ...options, test: 3 * list.length });
      const values = list.map((spread) => [10, 10 + spread, 10].flatMap((m) => [m, m, m]));
      return (await backtest(new Fixed(set, values), set, { baselines: false })).warnings;
    };
    const alternating = (i: number) => rows[i]!;
    expect(await warningsOf([0, 4, 4], alternating)).toEqual([]);
    expect((await warningsOf([0, 0, 4], alternating))[0]).toMatch(/^In 2 of 3 windows/);
    expect(await warningsOf([0, 0], (i) => (i < 54 ? rows[i]! : 10))).toEqual([]);
    // Of the windows whose targets change, one of one is flat; the two without a change do not count.
    expect((await warningsOf([0, 0, 0], (i) => (i < 57 && i > 53 ? rows[i]! : 10)))[0]).toMatch(/^In 1 of 3 windows/);
  });

  test('rejects what it cannot use', async () => {
    const fixed = new Fixed(data, [first, second]);
    await expect(backtest(fixed, data, { quantiles: [0.2] })).rejects.toThrow('must be some of 0.1, 0.5, 0.9');
    await expect(backtest(fixed, data, { quantiles: [] })).rejects.toThrow('must be some of');
    await expect(backtest(fixed, data, { baselines: 1 as never })).rejects.toThrow('options.baselines must be');
    const none = forecasting(parseCsv(`y\n${rows.join('\n')}`), { ...options, test: 0 });
    await expect(backtest(fixed, none)).rejects.toThrow('has no test part');
    await expect(backtest(3 as never, data)).rejects.toThrow('must be a Forecaster');
    await expect(backtest(fixed, 3 as never)).rejects.toThrow('must be the result of forecasting()');
  });
});

test('a recursive forecast takes its medians as history; other inputs keep their last values', async () => {
  const table = parseCsv(`y,x\n${Array.from({ length: 40 }, (_, i) => `${i},${100 + i}`).join('\n')}`);
  const quantiles = [0.1, 0.5, 0.9];
  const data = forecasting(table, {
    target: 'y',
    inputs: ['x'],
    history: 4,
    horizon: 2,
    test: 4,
    validation: 0,
    quantiles,
  });
  const fixed = new Fixed(data, [[1, 2, 3, 4, 5, 6]]);
  const rows = await fixed.forecast({ next: 5, method: 'recursive' });
  expect(rows.map(({ low, median, high }) => [low, median, high])).toEqual([
    ...[
      [1, 2, 3],
      [4, 5, 6],
      [1, 2, 3],
      [4, 5, 6],
      [1, 2, 3],
    ],
  ]);
  const [first, second, third] = fixed.seen.map(({ encoder: { series }, origin }) => ({ series, origin }));
  expect(fixed.seen).toHaveLength(3);
  const end = first!.series.length;
  expect([first!.origin, second!.origin, third!.origin]).toEqual([end, end + 2, end + 4]);
  const [y, x] = third!.series.values.map((column) => Array.from(column.subarray(end - 2)));
  expect([y, x]).toEqual([
    [38, 39, 2, 5, 2, 5],
    [138, 139, 139, 139, 139, 139],
  ]);
  expect(rows.map(({ date }) => date)).toEqual([41, 42, 43, 44, 45].map((row) => `row ${row}`));
  await expect(fixed.forecast({ coverage: 0.5 })).rejects.toThrow('has no pair of quantiles, got 0.5.');
  const narrow = await fixed.forecast({ next: 1, coverage: 0.8 });
  expect(narrow[0]).toMatchObject({ low: 1, median: 2, high: 3, quantiles: [1, 2, 3] });
});

/** In place of a model: gives the logits of these probabilities by the first token of a sample, or by each token. */
const modelOf = (data: LabeledData, byToken: Readonly<Record<string, readonly number[]>>, batches: number[] = []) =>
  ({
    async predict(inputs: ArrayLike<number>, { batchSize }: { batchSize: number }) {
      batches.push(batchSize);
      const { features, rules } = data.pipeline;
      const rows = rules.perStep ? Array.from(inputs) : Array.from(inputs).slice(0, batchSize);
      const logits = rows.flatMap((token) => byToken[features.tokens[token - 1]!]!.map((p) => Math.log(p) + token));
      return { output: { data: logits } };
    },
  }) as never;

describe('a test of a classifier', () => {
  const training = ['a,x', 'a,x', 'b,y', 'b,y', 'c,z', 'c,z', 'c,x'].join('\n');
  const table = parseCsv(`t,k\na,x\na,y\nb,y\nb,y\nc,x\nc,z`);
  const data = classification(parseCsv(`t,k\n${training}`), { text: 't', label: 'k', validation: 0 }, table);
  const byToken = { a: [0.75, 0.15, 0.1], b: [0.1, 0.65, 0.25], c: [0.44, 0.44, 0.12] };
  const classifier = new Classifier({ models: [modelOf(data, byToken)], pipeline: data.pipeline });

  test('has accuracy, F1, matrix, loss, calibration and intervals', async () => {
    const report = await testLabeler(classifier, table, { bootstrap: 40 });
    // Of equal probabilities, the first class: a, a, b, b, c, c are predicted x, x, y, y, x, x.
    expect(report).toMatchObject({
      ...{ samples: 6, labels: 6 },
      methods: [{ name: 'LSTM', accuracy: near(4 / 6), f1: near((2 / 3 + 4 / 5 + 0) / 3) }],
      matrix: [
        [2, 0, 0],
        [1, 2, 0],
        [1, 0, 0],
      ],
      classes: [
        { name: 'x', precision: 0.5, recall: 1, f1: near(2 / 3), support: 2 },
        { name: 'y', precision: 1, recall: near(2 / 3), f1: near(4 / 5), support: 3 },
        { name: 'z', recall: 0, f1: 0, support: 1 },
      ],
      loss: near(-[0.75, 0.15, 0.65, 0.65, 0.44, 0.12].reduce((sum, p) => sum + Math.log(p), 0) / 6),
      warnings: ['No sample of z is predicted correctly.'],
    });
    expect(report.calibration.ece).toBeCloseTo((0.5 + 0.7 + 0.12) / 6, 12);
    expect(report.calibration.bins.filter(({ count }) => count > 0)).toEqual([
      { from: 0.4, to: 0.5, count: 2, confidence: near(0.44), accuracy: 0.5 },
      { from: 0.6, to: 0.7, count: 2, confidence: near(0.65), accuracy: 1 },
      { from: 0.7, to: 0.8, count: 2, confidence: near(0.75), accuracy: 0.5 },
    ]);
    // The interval is from the 2nd to the 39th of 40 resamples of which samples are correct.
    const [random, correct] = [createRng(1, 'bootstrap'), [1, 0, 1, 1, 1, 0]];
    const draws = Array.from({ length: 40 }, () => correct.map(() => correct[Math.floor(random.uniform() * 6)]!));
    const sorted = draws.map((draw) => draw.reduce((a, b) => a + b) / 6).sort((a, b) => a - b);
    expect(report.methods[0]!.accuracyInterval).toEqual([near(sorted[1]!), near(sorted[38]!)]);
  });

  test('names a baseline that is better, and the labels that are never right', async () => {
    const wrong = { a: [0.1, 0.2, 0.7], b: [0.1, 0.2, 0.7], c: [0.1, 0.7, 0.2] };
    const bad = new Classifier({ models: [modelOf(data, wrong), modelOf(data, wrong)], pipeline: data.pipeline });
    const report = await testLabeler(bad, data, { bootstrap: 1 });
    // Of the baselines, the most frequent class predicts x, and naive Bayes x, x, y, y, z, z.
    expect(report.methods.map(({ name, accuracy }) => [name, accuracy])).toEqual([
      ['LSTM, 2 seeds together', 0],
      ['most frequent class', near(2 / 6)],
      ['naive Bayes, character n-grams up to 4', near(4 / 6)],
    ]);
    expect(report.warnings).toEqual([
      'A baseline is better: most frequent class, with an F1 of 0.167.',
      'No sample of x, y, z is predicted correctly.',
    ]);
    expect((await testLabeler(bad, data, { bootstrap: 1, baselines: false })).methods).toHaveLength(1);
    await expect(testLabeler(bad, data, { bootstrap: 0 })).rejects.toThrow(
      'options.bootstrap must be an integer from 1',
    );
    await expect(testLabeler(bad, data, { baselines: 1 as never })).rejects.toThrow('options.baselines must be');
    const none = classification(parseCsv(`t,k\n${training}`), { text: 't', label: 'k', validation: 0, test: 0 });
    await expect(testLabeler(bad, none)).rejects.toThrow('has no test part');
    await expect(testLabeler(3 as never, data)).rejects.toThrow('must be a classifier or a tagger');
    await expect(testLabeler(bad, 3 as never)).rejects.toThrow('must be that of the training or a table');
  });

  test('probabilities are means over the models, in passes of at most 256 samples and 32,768 time steps', async () => {
    const batches: number[] = [];
    const even = { a: [0.2, 0.2, 0.6], b: [1, 1, 1], c: [1, 1, 1] };
    const models = [modelOf(data, byToken, batches), modelOf(data, even)];
    const sampleOf = (steps: number): EncodedSample => ({
      sample: {
        ...{ place: '', labels: [], group: null, margins: [0, 0], values: new Float64Array(0) },
        steps,
        tokens: [],
      },
      ...{ inputs: new Float64Array(steps).fill(1), targets: [] },
    });
    const long = [16384, 16384, 16385].map(sampleOf);
    const short = Array.from({ length: 257 }, () => sampleOf(1));
    const result = await predictSequences(models, [...long.slice(0, 1), ...short, ...long.slice(1)], data.pipeline);
    expect(batches).toEqual([256, 1 + 1, 1, 1]);
    for (const one of result) expect([...one]).toEqual([near(0.475), near(0.175), near(0.35)]);
  });
});
