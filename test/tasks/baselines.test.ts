/** What baselines predict, the models that a task describes, and what data says of itself. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { adam, createModel, fit, type Model } from '../../src/index.js';
import { Forecaster } from '../../src/tasks/forecaster.js';
import {
  classification,
  forecasting,
  parseCsv,
  parseJsonLines,
  tagging,
  trainClassifier,
  trainForecaster,
  walkForward,
} from '../../src/tasks/index.js';
import { labelBaselines } from '../../src/tasks/label-baselines.js';
import { naiveBayes } from '../../src/tasks/naive-bayes.js';
import { Dictionary } from '../../src/tasks/segmentation.js';
import { integer, number, testRanges } from '../support/ranges.js';

const weightsOf = ({ parameters }: Model) =>
  parameters.layout.entries.map(({ name }) => Array.from(parameters.get(name)));
const HALF = 1 << 20;
const lines = (rows: readonly string[]) => rows.join('\n');
const names = parseCsv(
  `t,k\n${lines(['ab,x', 'ba,x', 'aab,x', 'b,y', 'bb,y', 'abab,x', 'ab,y', 'babba,x', 'a,x', 'bbb,y'])}`,
);
const labeled = classification(names, { text: 't', label: 'k', test: 2, validation: 2, batchSize: 3 });
const series = forecasting(parseCsv(`y\n${lines(Array.from({ length: 60 }, (_, i) => String(i % 5)))}`), {
  ...{ target: 'y', history: 4, horizon: 2, test: 6, validation: 6 },
});

describe('naive Bayes', () => {
  const sample = (text: string, target: number) => ({ sample: { tokens: [...text] }, targets: [target] }) as never;
  const of = (train: readonly (readonly [string, number])[], validation: readonly (readonly [string, number])[] = []) =>
    naiveBayes(
      train.map(([text, k]) => sample(text, k)),
      validation.map(([text, k]) => sample(text, k)),
      2,
    );
  const said = (one: ReturnType<typeof of>, ...texts: string[]) => texts.map((text) => one.predict(sample(text, 0)));

  test('chooses the length of its n-grams on the validation samples, the shortest of equal ones', () => {
    const order = of(
      [
        ['ab', 1],
        ['ba', 0],
      ],
      [
        ['ab', 1],
        ['ba', 0],
      ],
    );
    expect(order.name).toBe('naive Bayes, character n-grams up to 2'); // single letters do not show the order
    expect(said(order, 'ab', 'ba')).toEqual([1, 0]);
    expect(
      of(
        [
          ['a', 1],
          ['b', 0],
        ],
        [['a', 1]],
      ).name,
    ).toContain('up to 1');
    const long = ['abcdef', 'abcdeg'] as const; // first and last letters alone decide: also with n = 1
    expect(
      of([
        [long[0], 0],
        [long[1], 1],
      ]).name,
    ).toContain('up to 4');
  });

  test('is fitted on the training and the validation samples, with the shares of the classes', () => {
    expect(said(of([['a', 0]], [['b', 1]]), 'b')).toEqual([1]);
    expect(
      said(
        of([
          ['a', 1],
          ['a', 1],
          ['a', 0],
        ]),
        'a',
      ),
    ).toEqual([1]);
    expect(
      said(
        of([
          ['a', 1],
          ['a', 0],
        ]),
        'a',
      ),
    ).toEqual([0]); // equal: the first class
  });
});

describe('the baselines of labels', () => {
  const inputsOf = (tokens: readonly number[]) => ({ inputs: tokens, sample: { steps: tokens.length } }) as never;

  test('of a class', () => {
    const [majority, bayes] = labelBaselines(labeled);
    expect([majority!.name, [...Array.from(majority!.predict(inputsOf([1, 1])))]]).toEqual([
      'most frequent class',
      [0],
    ]);
    expect(bayes!.name).toMatch(/^naive Bayes, character n-grams up to [1-6]$/);
  });

  test('of tags: the most frequent of each token; for another token, the most frequent of all', () => {
    const rows = [
      'a a b:M M N',
      'a b b:N N N',
      'b c a:N M M',
      'c c c:M M M',
      'b c:N M',
      'c c:M M',
      'a b:M N',
      'c b:M N',
    ];
    const table = parseJsonLines(
      lines(rows.map((row) => JSON.stringify({ t: row.split(':')[0], g: row.split(':')[1] }))),
    );
    const set = tagging(table, { text: 't', tags: 'g', units: 'words', validation: 0 }, table);
    const [majority, byToken] = labelBaselines(set);
    const [a, b, c] = ['a', 'b', 'c'].map((token) => set.pipeline.features.tokens.indexOf(token) + 1);
    expect([majority!.name, byToken!.name]).toEqual(['most frequent tag', 'most frequent tag of each word']);
    expect([...Array.from(majority!.predict(inputsOf([a!, b!, c!])))]).toEqual([0, 0, 0]);
    expect([...Array.from(byToken!.predict(inputsOf([a!, b!, c!, 0])))]).toEqual([0, 1, 0, 0]);
    const letters = tagging(
      parseJsonLines(lines(rows.map((row) => JSON.stringify({ t: row.replace(/:.*| /g, ''), g: row.split(':')[1] })))),
      { text: 't', tags: 'g', test: 2, validation: 0 },
    );
    expect(labelBaselines(letters)[1]!.name).toBe('most frequent tag of each character');
  });

  test('of spaces: words of the training part, also those that samples cut', () => {
    const set = tagging('abc de '.repeat(30), { length: 4, context: 2, test: 0.2, validation: 0, batchSize: 8 });
    const space = set.pipeline.classes.indexOf('space');
    const [majority, unigrams, bigrams] = labelBaselines(set);
    const sample = { sample: { tokens: [...'deabcabcde'], steps: 10 }, inputs: [] } as never;
    const expected = [0, 1, 0, 0, 1, 0, 0, 1, 0, 1].map((is) => (is ? space : 1 - space));
    expect([...Array.from(unigrams!.predict(sample))]).toEqual(expected);
    expect([...Array.from(bigrams!.predict(sample))]).toEqual(expected);
    expect([...Array.from(majority!.predict(sample))]).toEqual(new Array(10).fill(1 - space));
  });
});

describe('a dictionary', () => {
  /** The probabilities that the comments of `Dictionary` state, and the best of all ways to read a text. */
  function cheapest(
    words: readonly string[],
    text: string,
    order: 1 | 2,
  ): [cost: number, of: (ends: readonly number[]) => number] {
    const countOf = (list: readonly string[]) => (one: string) => list.filter((other) => other === one).length;
    const count = countOf(words);
    const letters = words.flatMap((word) => [...word]);
    const once = [...new Set(words)].filter((word) => count(word) === 1).length;
    const unknown = Math.max(1, once) / (words.length + 1);
    const alone = (word: string): number => {
      if (count(word) > 0) return ((1 - unknown) * count(word)) / words.length;
      const stop = words.length / letters.length;
      const spelled = [...word].reduce((p, c) => (p * (countOf(letters)(c) || 0.5)) / letters.length, 1);
      return unknown * stop * (1 - stop) ** (word.length - 1) * spelled;
    };
    const after = (before: string | undefined, word: string): number => {
      const next = words.filter((_, i) => i > 0 && words[i - 1] === before);
      if (order === 1 || before === undefined || next.length === 0) return alone(word);
      const kept = Math.max(0, countOf(next)(word) - 0.75) + 0.75 * new Set(next).size * alone(word);
      return kept / count(before);
    };
    const costOf = (ends: readonly number[]): number =>
      ends.reduce((sum, end, i) => {
        const word = text.slice(i > 0 ? ends[i - 1]! + 1 : 0, end + 1);
        const before = i > 0 ? text.slice(i > 1 ? ends[i - 2]! + 1 : 0, ends[i - 1]! + 1) : undefined;
        return sum - Math.log(after(before, word));
      }, 0);
    const all = Array.from({ length: 2 ** (text.length - 1) }, (_, set) =>
      Array.from({ length: text.length }, (_, i) => i).filter((i) => i === text.length - 1 || (set >> i) & 1),
    );
    return [Math.min(...all.map(costOf)), costOf];
  }

  test.each([1, 2] as const)('finds the most probable words, with %i of them in a group', (order) => {
    const random = createRng(5, `words ${order}`);
    const word = (letters: string) =>
      Array.from({ length: 1 + random.integer(3) }, () => letters[random.integer(letters.length)]!).join('');
    for (let i = 0; i < 60; i++) {
      const kinds = Array.from({ length: 2 + random.integer(4) }, () => word('ab'));
      const words = Array.from({ length: 3 + random.integer(12) }, () => kinds[random.integer(kinds.length)]!);
      const text = [1, 2, 3]
        .map(() => (random.integer(4) === 0 ? word('abc') : kinds[random.integer(kinds.length)]!))
        .join('');
      const [least, costOf] = cheapest(words, text, order);
      expect(costOf(new Dictionary(words).ends([...text], order))).toBeCloseTo(least, 9);
    }
  });

  test('reads unknown words of up to 24 characters, and known ones of any length', () => {
    const dictionary = new Dictionary(['the', 'x'.repeat(30), 'of']);
    expect(dictionary.ends([...'q'.repeat(24)], 1)).toEqual([23]);
    expect(dictionary.ends([...'q'.repeat(25)], 1)).toHaveLength(2);
    expect(dictionary.ends([...`the${'x'.repeat(30)}of`], 1)).toEqual([2, 32, 34]);
  });
});

describe('the model of a task', () => {
  test('of labels', () => {
    const size = labeled.pipeline.features.tokens.length + 1;
    expect(labeled.spec()).toEqual({
      seed: 1,
      layers: [
        { kind: 'embedding', size, width: 32 },
        { kind: 'lstm', hiddenSize: 64, direction: 'bidirectional', returns: 'last' },
        { kind: 'dropout', rate: 0.3 },
        { kind: 'linear', size: 2 },
      ],
    });
    const sizes = {
      embeddingSize: 3,
      hiddenSize: 5,
      layers: 2,
      dropout: 0,
      recurrentDropout: 0.2,
      bidirectional: false,
    };
    expect(labeled.spec({ ...sizes, seed: 4 })).toEqual({
      seed: 4,
      layers: [
        { kind: 'embedding', size, width: 3 },
        { kind: 'lstm', hiddenSize: 5, recurrentDropout: 0.2 },
        { kind: 'lstm', hiddenSize: 5, recurrentDropout: 0.2, returns: 'last' },
        { kind: 'linear', size: 2 },
      ],
    });
    expect(() => labeled.spec({ bidirectional: 1 as never })).toThrow('sizes.bidirectional must be');
  });

  test('of forecasts', () => {
    const outputs = series.pipeline.settings.quantiles.length;
    expect(series.spec()).toEqual({
      ...{ seed: 1, inputSize: series.pipeline.inputs.length },
      layers: [
        { kind: 'lstm', hiddenSize: 48 },
        { kind: 'linear', size: outputs },
      ],
    });
    const both = { kind: 'lstm', hiddenSize: 5, direction: 'bidirectional' };
    expect(series.spec({ hiddenSize: 5, layers: 2, dropout: 0.1, bidirectional: true, seed: 3 })).toMatchObject({
      seed: 3,
      layers: [both, { kind: 'dropout', rate: 0.1 }, both, { kind: 'dropout', rate: 0.1 }, { kind: 'linear' }],
    });
    expect(() => series.spec({ bidirectional: 1 as never })).toThrow('sizes.bidirectional must be');
  });
});

describe('ranges', () => {
  const untrained = new Forecaster({ models: [], pipeline: series.pipeline, calibration: null, context: [] });
  const train = (options: object) => trainForecaster(series, options);
  const walk = (options: object) =>
    walkForward(parseCsv('y\n1'), { target: 'y', history: 4, horizon: 2, test: 2 }, options);
  testRanges([
    ['sizes.embeddingSize', integer(1, HALF), (embeddingSize) => labeled.spec({ embeddingSize })],
    ['sizes.hiddenSize', integer(1, HALF), (hiddenSize) => labeled.spec({ hiddenSize })],
    ['sizes.layers', integer(1, 1000), (layers) => labeled.spec({ layers })],
    ['sizes.dropout', number(0, 0.99), (dropout) => labeled.spec({ dropout })],
    ['sizes.recurrentDropout', number(0, 0.99), (recurrentDropout) => labeled.spec({ recurrentDropout })],
    ['sizes.hiddenSize', integer(1, HALF), (hiddenSize) => series.spec({ hiddenSize })],
    ['sizes.layers', integer(1, 1000), (layers) => series.spec({ layers })],
    ['sizes.dropout', number(0, 0.99), (dropout) => series.spec({ dropout })],
    ['options.epochs', integer(1), (epochs) => train({ epochs })],
    ['options.learningRate', number(0, Number.MAX_VALUE), (learningRate) => train({ learningRate })],
    ['options.patience', integer(1), (patience) => train({ patience })],
    ['options.seeds[1]', integer(0), (seed) => train({ seeds: [1, seed] })],
    ['options.coverage', number(0, 1), (coverage) => untrained.forecast({ coverage })],
    ['options.next', integer(1, HALF), (next) => untrained.forecast({ next })],
    ['walk.folds', integer(1, 1000), (folds) => walk({ folds })],
    ['walk.unread', integer(0, 2 ** 30), (unread) => walk({ unread })],
  ]);

  test.each([
    [{ seeds: [] }, 'options.seeds must be a list'],
    [{ seeds: 3 }, 'options.seeds must be a list'],
    [{ fit: 3 }, 'options.fit must be an object'],
    [{ onEvent: 3 }, 'options.onEvent must be a function'],
    [{ seed: 3 }, 'unknown setting'],
  ])('%j is rejected', async (options, message) => {
    await expect(train(options)).rejects.toThrow(message);
    await expect(trainForecaster(3 as never)).rejects.toThrow('must be the result of forecasting()');
    await expect(trainClassifier(series as never)).rejects.toThrow('must be the result of classification()');
  });
});

test('a training is 20 epochs of Adam by default, at a rate of 0.005 that a half cosine lowers, and its best weights are back', async () => {
  const events: { kind: string; seed: number }[] = [];
  const onEvent = (event: { kind: string }, seed: number) => void events.push({ kind: event.kind, seed });
  const backend = { backend: 'reference' } as const;
  const one = await trainForecaster(series, { hiddenSize: 1, seeds: [3], backend, onEvent });
  const count = (wanted: string) => events.filter(({ kind, seed }) => kind === wanted && seed === 3).length;
  expect([count('update'), count('validation')]).toEqual([20 * series.train.length, 20]);
  const model = await createModel(series.spec({ hiddenSize: 1, seed: 3 }), backend);
  const options = {
    ...({ optimizer: adam({ learningRate: 0.005 }), schedule: 'cosine', clipNorm: 1, seed: 3, epochs: 20 } as const),
    ...{ loss: series.loss, earlyStopping: { patience: 20 } },
  };
  for await (const _ of fit(model, series, options)) {
  }
  expect(weightsOf(one.models[0]!)).toEqual(weightsOf(model));
  model.dispose();
  one.dispose();
});

test('labeled data describes its parts, classes, lengths and padding, with examples', () => {
  const { classes, samples, lengths, padding, tokens, examples, task } = labeled.describe();
  expect({ task, samples, tokens }).toEqual({
    ...{ task: 'classification', samples: { train: 6, validation: 2, test: 2 } },
    tokens: labeled.pipeline.features.tokens.length,
  });
  const train = labeled.train.samples;
  const count = (name: string) => train.filter(({ sample }) => sample.labels[0] === name).length;
  expect(classes.map((one) => [one.name, one.train])).toEqual(['x', 'y'].map((name) => [name, count(name)]));
  expect(classes.reduce((sum, one) => sum + one.validation, 0)).toBe(2);
  expect(classes.reduce((sum, one) => sum + one.test, 0)).toBe(2);
  const steps = train.map(({ sample }) => sample.steps).sort((a, b) => a - b);
  expect(lengths).toEqual({ min: steps[0], median: steps[3], max: steps[5] });
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  expect(padding).toBeCloseTo(1 - sum(steps) / (3 * steps[2]! + 3 * steps[5]!), 12); // two batches of three
  expect(examples).toHaveLength(3);
  expect(examples[0]).toEqual({
    place: train[0]!.sample.place,
    input: train[0]!.sample.tokens.join(''),
    label: train[0]!.sample.labels[0],
  });
});

test('examples show the first 60 characters of an input, and 20 tags', () => {
  const rows = Array.from({ length: 8 }, (_, i) =>
    JSON.stringify({ t: `ab${i % 2}`.repeat(30), g: 'x y z '.repeat(30).trim() }),
  );
  const { examples } = tagging(parseJsonLines(lines(rows)), {
    text: 't',
    tags: 'g',
    test: 2,
    validation: 0,
  }).describe();
  expect(examples.map(({ input, label }) => [input.length, label.split(' ').length])).toEqual(
    new Array(3).fill([60, 20]),
  );
});

test('the weights of a balanced loss make all classes count the same', () => {
  expect(labeled.loss).toEqual({ kind: 'crossEntropy' });
  const set = classification(names, { text: 't', label: 'k', test: 2, validation: 2, balance: 'weights' });
  const counts = set.describe().classes.map(({ train }) => train);
  expect(set.loss).toEqual({ kind: 'crossEntropy', classWeights: counts.map((n) => 6 / (2 * n)) });
});
