/** Classifiers and taggers, label by label: predictions of a given model, what is refused, and how baselines count. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { validationStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { bootstrapIntervals } from '../../src/metrics/bootstrap.js';
import {
  classification,
  classifierFrom,
  kFolds,
  type LabeledData,
  labelerEnsemble,
  parseCsv,
  parseJsonLines,
  taggerFrom,
  tagging,
  testLabeler,
  testLanguageModel,
  trainTagger,
} from '../../src/tasks/index.js';
import { Classifier, Tagger } from '../../src/tasks/labeler.js';
import { naiveBayes } from '../../src/tasks/naive-bayes.js';
import { Dictionary } from '../../src/tasks/segmentation.js';
import { evaluate } from '../../src/train/evaluate.js';
import { buildModel } from '../support/model.js';

const near = (value: number) => expect.closeTo(value, 9);
const lines = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');

/** In place of a model: gives these probabilities by the token of each row, [T, N], or of the first step for a class. */
const modelOf = ({ pipeline }: LabeledData, byToken: Readonly<Record<string, readonly number[]>>) =>
  ({
    async predict(inputs: ArrayLike<number>, { batchSize }: { batchSize: number }) {
      const { features, rules, classes } = pipeline;
      const rows = Array.from(inputs).slice(0, rules.perStep ? inputs.length : batchSize);
      const even = classes.map(() => 1 / classes.length);
      const data = rows.flatMap((token) => (byToken[features.tokens[token - 1]!] ?? even).map(Math.log));
      return { output: { data } };
    },
  }) as never;

describe('tags of words', () => {
  const rows = ['a b c:X Y Z', 'b a:Y X', 'c c a b:Z Z X Y', 'a c:X Z', 'b b:Y Y', 'c a:Z X'];
  const table = parseJsonLines(lines(rows.map((row) => ({ t: row.split(':')[0], g: row.split(':')[1] }))));
  const data = tagging(table, { text: 't', tags: 'g', units: 'words', validation: 0 }, table);
  const byToken = { a: [0.6, 0.3, 0.1], b: [0.2, 0.5, 0.3], c: [0.4, 0.35, 0.25] };
  const tagger = new Tagger({ models: [modelOf(data, byToken)], pipeline: data.pipeline });

  test('have the largest probability of each step, in the order of the inputs', async () => {
    const [one, two] = await tagger.predict(['a b c d', ' b ']);
    expect(one).toEqual({
      ...{ tokens: ['a', 'b', 'c', 'd'], tags: ['X', 'Y', 'X', 'X'], text: null },
      probabilities: [near(0.6), near(0.5), near(0.4), near(1 / 3)],
      warnings: ['has unknown words: "d"'],
    });
    expect(two).toMatchObject({ tokens: ['b'], tags: ['Y'], warnings: [] });
  });

  test('a test counts all steps, and says which tags are never right', async () => {
    const report = await testLabeler(tagger, data, { bootstrap: 2 });
    // a and b are always right, c never: 5 + 5 of 15 steps.
    expect(report).toMatchObject({
      samples: 6,
      labels: 15,
      warnings: [expect.any(String), 'No time step of Z is predicted correctly.'],
    });
    expect(report.methods.map(({ name, accuracy }) => [name, accuracy])).toEqual([
      ['LSTM', near(10 / 15)],
      ['most frequent tag', near(5 / 15)],
      ['most frequent tag of each word', 1],
    ]);
    expect(report.methods[0]!.f1).toBeCloseTo((10 / 15 + 1 + 0) / 3, 9); // X: 5 right of 10 predicted and 5 given
    expect(report.warnings[0]).toBe('A baseline is better: most frequent tag of each word, with an F1 of 1.000.');
    expect(report.loss).toBeCloseTo(-(Math.log(0.6) + Math.log(0.5) + Math.log(0.25)) / 3, 9);
    const intervals = [testLabeler(tagger, data), testLabeler(tagger, data, { bootstrap: 1000 })];
    const [standard, thousand] = await Promise.all(intervals);
    expect(standard).toEqual(thousand);
  });

  test('other data are refused', async () => {
    const classes = classification(table, { text: 't', label: 'g', test: 0, validation: 0 });
    await expect(trainTagger(classes)).rejects.toThrow(
      'data must be the result of tagging(), got that of classification().',
    );
    await expect(trainTagger(3 as never)).rejects.toThrow('data must be the result of tagging(), got 3.');
    await expect(testLabeler(tagger, classes)).rejects.toThrow('data must be that of the training or a table');
    expect(() => tagging('abc', {}, table)).toThrow('test is for tables; a plain text has its test part at its end.');
    expect(() => tagging(table, { text: 't', tags: 'g' }, 3 as never)).toThrow('test must be a table, got 3.');
    expect(() => tagging(3 as never)).toThrow('source must be a table, got 3.');
    expect(() => classification(3 as never, {} as never)).toThrow('table must be a table, got 3.');
    expect(() => classification(table, { text: 't', label: 'g' }, 3 as never)).toThrow('test must be a table, got 3.');
  });

  test('only labelers of the same data are an ensemble', () => {
    const same = new Tagger({ models: [modelOf(data, {})], pipeline: data.pipeline });
    expect(labelerEnsemble([tagger, same])).toBeInstanceOf(Tagger);
    expect(labelerEnsemble([tagger, same]).models).toEqual([...tagger.models, ...same.models]);
    const other = tagging(table, { text: 't', tags: 'g', units: 'words', validation: 0 }, table);
    const wrong = [[], 3, [3], [tagger, null], [tagger, new Tagger({ models: [], pipeline: other.pipeline })]];
    for (const list of wrong) expect(() => labelerEnsemble(list as never)).toThrow('labelers must be a list of');
  });
});

describe('spaces of a plain text', () => {
  const text = 'ab c '.repeat(40);
  const data = tagging(text, { length: 6, context: 2, test: 0.25, validation: 0.25 });
  /** A space follows b with .9, c with .8, and a with .3. */
  const spaces = (p: number) => data.pipeline.classes.map((name) => (name === 'space' ? p : 1 - p));
  const byToken = { a: spaces(0.3), b: spaces(0.9), c: spaces(0.8) };
  const tagger = new Tagger({ models: [modelOf(data, byToken)], pipeline: data.pipeline });

  test('are predicted in pieces, each step once', async () => {
    const [one, two] = await tagger.predict(['ab\tcabcabcab', 'ca']);
    expect([one!.text, two!.text]).toEqual(['ab c ab c ab c ab', 'c a']);
    expect(one!.tokens.join('')).toBe('abcabcabcab');
    expect(one!.probabilities).toEqual([0.7, 0.9, 0.8, 0.7, 0.9, 0.8, 0.7, 0.9, 0.8, 0.7, 0.9].map(near));
    expect(one!.warnings).toEqual([]);
    expect(new Set(one!.tags)).toEqual(new Set(data.pipeline.classes));
  });

  test('are counted without the steps that are only read', async () => {
    const { classes, samples } = data.describe();
    const [train, validation, test] = (['train', 'validation', 'test'] as const).map((part) =>
      classes.reduce((sum, one) => sum + one[part], 0),
    );
    expect([train, validation, test]).toEqual([60, 30, 30]); // of 120 characters
    expect(classes.find(({ name }) => name === 'space')!.test).toBe(20);
    expect(samples.test).toBe(5);
    const report = await testLabeler(tagger, data, { bootstrap: 2 });
    expect(report).toMatchObject({
      labels: 30,
      methods: [{ accuracy: 1, f1: 1 }, { accuracy: near(2 / 3), f1: near(0.8) }, {}, {}],
    });
  });

  test('what is not a text is refused; a model of spaces needs a text, others a table', async () => {
    const table = parseCsv('t,k\na,x\nb,y\na,x\nb,y');
    await expect(tagger.predict(table)).rejects.toThrow(
      'must be a list of texts for a tagger of plain text, got a table.',
    );
    await expect(tagger.predict('ab' as never)).rejects.toThrow('inputs must be a list or a table, got "ab".');
    await expect(tagger.predict(['a', 3 as never])).rejects.toThrow('inputs[1] must be a text, got 3.');
    await expect(tagger.predict(['a', ' \n'])).rejects.toThrow('inputs[1] must not be empty.');
    expect(() => tagger.data(table)).toThrow('source must be a text, as in the training.');
    expect(() => tagger.data(3 as never)).toThrow('source must be a table or a text, got 3.');
    const set = classification(table, { text: 't', label: 'k', test: 0, validation: 0 });
    const classifier = new Classifier({ models: [modelOf(set, {})], pipeline: set.pipeline });
    expect(() => classifier.data('ab')).toThrow('source must be a table, as in the training.');
    expect(() => classifier.data(table, 3 as never)).toThrow('test must be a table, got 3.');
    expect(classifier.data(table, table).describe().samples).toEqual({ train: 4, validation: 0, test: 4 });
    expect(tagger.data(text).describe()).toEqual(data.describe());
  });
});

test('parts without samples are null, and the number of resamples has a range', async () => {
  const table = parseCsv('t,k\na,x\nb,y\na,x\nb,y');
  const set = classification(table, { text: 't', label: 'k', test: 0, validation: 0 });
  expect([set.validation, set.test]).toEqual([null, null]);
  const classifier = new Classifier({ models: [modelOf(set, {})], pipeline: set.pipeline });
  await expect(testLabeler(classifier, table, { bootstrap: 0 })).rejects.toThrow(
    'an integer from 1 to 1048576, got 0.',
  );
  const model = buildModel(createReference('float32'), {
    layers: [
      { kind: 'embedding', size: 3, width: 1 },
      { kind: 'lstm', hiddenSize: 1 },
      { kind: 'linear', size: 3 },
    ],
  });
  const tokens = Int32Array.of(0, 1, 2, 0, 1, 2);
  await expect(testLanguageModel(model, tokens, { bootstrap: 0 })).rejects.toThrow('from 1 to 1048576, got 0.');
  model.dispose();
});

describe('a restored labeler', () => {
  const table = parseCsv(`x,y,k\n${Array.from({ length: 8 }, (_, i) => `${i},${i * i},${'ab'[i % 2]}`).join('\n')}`);
  const numbers = classification(table, { values: ['x', 'y'], label: 'k', test: 0, validation: 0 });
  const texts = classification(table, { text: 'x', label: 'k', test: 0, validation: 0 });
  const build = (spec: object) => buildModel(createReference('float32'), spec as never);
  const metadataOf = (set: LabeledData) => new Classifier({ models: [], pipeline: set.pipeline }).metadata();

  test('fits its model: inputs or tokens, and labels', () => {
    const lstm = { kind: 'lstm', hiddenSize: 1, returns: 'last' };
    const ofNumbers = (inputSize: number, size: number) =>
      build({ inputSize, layers: [lstm, { kind: 'linear', size }] });
    const ofTokens = (size: number, labels: number) =>
      build({ layers: [{ kind: 'embedding', size, width: 1 }, lstm, { kind: 'linear', size: labels }] });
    expect(classifierFrom([ofNumbers(1, 2)], metadataOf(numbers))).toBeInstanceOf(Classifier);
    const tokens = texts.pipeline.features.tokenCount!;
    expect(classifierFrom([ofTokens(tokens, 2), ofTokens(tokens, 2)], metadataOf(texts)).models).toHaveLength(2);
    const refused = (model: never, set: LabeledData, message: string) =>
      expect(() => classifierFrom([model], metadataOf(set))).toThrow(`pipeline has ${message}.`);
    refused(ofNumbers(3, 2) as never, numbers, '1 inputs and 2 labels; the model has 3 and 2');
    refused(ofNumbers(1, 3) as never, numbers, '1 inputs and 2 labels; the model has 1 and 3');
    refused(ofTokens(4, 2) as never, numbers, '1 inputs and 2 labels; the model has 4 and 2');
    refused(
      ofTokens(tokens + 1, 2) as never,
      texts,
      `${tokens} tokens and 2 labels; the model has ${tokens + 1} and 2`,
    );
    refused(ofNumbers(tokens, 2) as never, texts, `${tokens} tokens and 2 labels; the model has ${tokens} and 2`);
    for (const wrong of [[], 3, [3], new Array(1)])
      expect(() => taggerFrom(wrong as never, metadataOf(texts))).toThrow('models must be a list of models');
    expect(() => classifierFrom([ofTokens(tokens, 2)], 3 as never)).toThrow('metadata must be an object, got 3.');
  });

  test('reads lists of numbers, whole time steps of finite ones', async () => {
    const way = parseCsv(
      `id,x,y,k\n${Array.from({ length: 8 }, (_, i) => `${i >> 1},${i},${-i},${'ab'[(i >> 1) % 2]}`).join('\n')}`,
    );
    const set = classification(way, { values: ['x', 'y'], sequence: 'id', label: 'k', test: 0, validation: 0 });
    const one = new Classifier({ models: [build(set.spec({ hiddenSize: 1 }))], pipeline: set.pipeline });
    const [list, typed] = await one.predict([[1, 2, 3, 4], Float32Array.of(1, 2, 3, 4)]);
    expect(typed).toEqual(list);
    expect(list!.warnings).toEqual([]);
    expect((await one.predict([[1, 2, 3, 4, 5, 6]]))[0]!.warnings).toEqual([
      'has 3 time steps; the longest sequence of the training had 2',
    ]);
    for (const bad of [
      [],
      [1, 2, 3],
      [1, Number.NaN],
      [1, '2'],
      [1, null],
      [1, Number.POSITIVE_INFINITY],
      new Array(2),
    ])
      await expect(one.predict([bad as never])).rejects.toThrow(
        'inputs[0] must be finite numbers, 2 for each time step',
      );
    for (const bad of ['12', 3, null, {}, new DataView(new ArrayBuffer(8))])
      await expect(one.predict([bad as never])).rejects.toThrow('inputs[0] must be a list of numbers');
    one.dispose();
  });

  test('names at most ten unknown characters', async () => {
    const one = new Classifier({ models: [modelOf(texts, {})], pipeline: texts.pipeline });
    const warningOf = async (text: string) => (await one.predict([text]))[0]!.warnings[0];
    const names = (letters: string) => [...letters].map((c) => `"${c}"`).join(', ');
    expect(await warningOf('abcdefghij')).toBe(`has unknown characters: ${names('abcdefghij')}`);
    expect(await warningOf('abcdefghijk')).toBe(`has unknown characters: ${names('abcdefghij')}, ...`);
  });
});

describe('folds', () => {
  const rows = Array.from({ length: 20 }, (_, i) => `${'abcd'[i % 4]},${'xy'[i % 2]}`);
  const table = parseCsv(`t,k\n${rows.join('\n')}`);

  test('are five by default; each sample that is not for the test is tested once', () => {
    const folds = kFolds(table, { text: 't', label: 'k', validation: 0 });
    expect(folds).toHaveLength(5);
    const places = folds.flatMap((fold) => fold.test!.samples.map(({ sample }) => sample.place));
    expect([places.length, new Set(places).size]).toEqual([18, 18]); // without the tenth for the test
    expect(kFolds(table, { text: 't', label: 'k', validation: 0 }, { folds: 2 })).toHaveLength(2);
    const tags = kFolds(table, { text: 't', tags: 'k', validation: 0 }, { folds: 2 });
    expect(tags.map((fold) => fold.pipeline.kind)).toEqual(['tagging', 'tagging']);
    expect(folds[0]!.pipeline.kind).toBe('classification');
  });

  test.each([
    [[3], 'table must be a table, got 3.'],
    [[table, { text: 't', label: 'k', folds: 3 }], 'options.folds has no effect here.'],
    [[table, { text: 't', label: 'k' }, { folds: 1 }], 'given.folds must be an integer from 2 to 1000, got 1.'],
    [[table, { text: 't', label: 'k' }, { folds: 1001 }], 'given.folds must be an integer from 2 to 1000, got 1001.'],
    [[table, { text: 't', label: 'k' }, { fold: 1 }], 'unknown setting'],
    [[table, null], 'options'],
  ])('%j', (args, message) => {
    expect(() => (kFolds as (...all: unknown[]) => unknown)(...args)).toThrow(message);
  });
});

describe('counts of baselines', () => {
  const sample = (text: string, target: number) => ({ sample: { tokens: [...text] }, targets: [target] }) as never;
  const bayes = (
    train: readonly (readonly [string, number])[],
    validation: readonly (readonly [string, number])[] = [],
  ) =>
    naiveBayes(
      train.map(([text, k]) => sample(text, k)),
      validation.map(([text, k]) => sample(text, k)),
      2,
    );

  test.each([
    [4, 6], // only n-grams of six characters differ
    [5, 1], // those of seven differ, which are not tried
  ])('naive Bayes with %i equal characters between others has n-grams up to %i', (length, expected) => {
    const c = 'c'.repeat(length);
    const texts = [`${c}A${c}B${c}`, `${c}B${c}A${c}`].map((text, k) => [text, k] as const);
    expect(bayes(texts, texts).name).toBe(`naive Bayes, character n-grams up to ${expected}`);
  });

  test('naive Bayes adds a tenth to each count', () => {
    // Log odds of class 0: 1.22 with a tenth, -0.80 with two tenths.
    const train = [
      ['bac', 0],
      ['b', 1],
      ['bac', 0],
    ] as const;
    expect(bayes(train).predict(sample('aac', 0))).toBe(0);
  });

  test('a dictionary without words that occur once has unknown ones, as if one did', () => {
    // Of 4 words, 1/5 are unknown. Four times "a": (4/5 * 2/4)^4 = .0256. An unknown word of 4 of the 18 letters, all a: .0209.
    const a = 'a'.repeat(8);
    expect(new Dictionary(['a', 'a', a, a]).ends([...'aaaa'], 1)).toEqual([0, 1, 2, 3]);
  });
});

describe('a language model', () => {
  const size = 6;
  const model = buildModel(createReference('float32'), {
    seed: 3,
    layers: [
      { kind: 'embedding', size, width: 2 },
      { kind: 'lstm', hiddenSize: 2 },
      { kind: 'linear', size },
    ],
  });
  const random = createRng(1, 'tokens');
  const tokens = Int32Array.from({ length: 64 * 32 * 10 + 40 }, () => random.integer(size));

  test('is tested in 32 streams of 64 steps, with 1000 resamples and n-grams of 1, 2 and 5', async () => {
    const train = tokens.subarray(0, 50);
    const report = await testLanguageModel(model, tokens, { train });
    expect(await testLanguageModel(model, tokens, { train, batchSize: 32, steps: 64, bootstrap: 1000 })).toEqual(
      report,
    );
    expect(report.bitsInterval).not.toBeNull();
    expect(report.baselines!.map(({ order }) => order)).toEqual([1, 2, 5]);
  });

  test('has intervals of groups of windows, the same number of windows in each', async () => {
    const settings = { batchSize: 1, steps: 1, bootstrap: 40 };
    const short = tokens.subarray(0, 2004); // 2003 windows: groups of 3, the last of 2
    const windows: [bits: number, right: number][] = [];
    await evaluate(model, validationStreams(short, 1, 1), 'crossEntropy', (logits, { targets }) => {
      const scores = Array.from(logits);
      const target = (targets as Int32Array)[0]!;
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      windows.push([
        -Math.log2(Math.exp(scores[target]!) / total),
        scores.indexOf(Math.max(...scores)) === target ? 1 : 0,
      ]);
    });
    const groups = Array.from({ length: 668 }, (_, g) => windows.slice(3 * g, 3 * g + 3));
    const meanOf = (units: ArrayLike<number>): [number, number] => {
      const all = Array.from(units).flatMap((unit) => groups[unit]!);
      return [0, 1].map((i) => all.reduce((sum, one) => sum + one[i]!, 0) / all.length) as [number, number];
    };
    const rng = createRng(1, 'bootstrap');
    const expected = bootstrapIntervals(668, meanOf, { repeats: 40, level: 0.95, uniform: () => rng.uniform() });
    const { bitsInterval, accuracyInterval } = await testLanguageModel(model, short, settings);
    const close = (pair: readonly number[]) => pair.map((value) => expect.closeTo(value, 5));
    expect([bitsInterval, accuracyInterval]).toEqual(expected.map(close));
  });
});
