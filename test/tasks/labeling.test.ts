/** Classifiers and taggers from the table to the prediction: training, test with baselines, model files. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { deserializeModel } from '../../src/create.js';
import { serializeModel } from '../../src/interop/model-file.js';
import {
  type Classifier,
  classification,
  classifierFrom,
  type LabeledData,
  labelerEnsemble,
  parseCsv,
  type Tagger,
  taggerFrom,
  tagging,
  testLabeler,
  trainClassifier,
  trainTagger,
} from '../../src/tasks/index.js';
import { Dictionary } from '../../src/tasks/segmentation.js';
import { rejected } from '../support/errors.js';

const SMALL = {
  hiddenSize: 6,
  embeddingSize: 4,
  learningRate: 0.05,
  dropout: 0,
  backend: { backend: 'reference' },
} as const;

/** Words of random letters; the class is whether the word ends with a vowel. */
const words = (count: number): string => {
  const random = createRng(1, 'words');
  const word = () => Array.from({ length: 2 + random.integer(4) }, () => 'aeioubcdfg'[random.integer(10)]).join('');
  const rows = Array.from({ length: count }, word).map((w) => `${w},${/[aeiou]$/.test(w) ? 'vowel' : 'consonant'}`);
  return `word,end\n${rows.join('\n')}`;
};
const OPTIONS = { text: 'word', label: 'end', test: 40, validation: 30, batchSize: 16 } as const;

let data: LabeledData;
let classifier: Classifier;
beforeAll(async () => {
  data = classification(parseCsv(words(250), { name: 'words.csv' }), OPTIONS);
  classifier = await trainClassifier(data, { ...SMALL, epochs: 6, seeds: [1, 2] });
});

test('a classifier learns a rule, next to its baselines, with intervals, scores and calibration', async () => {
  const report = await testLabeler(classifier, data, { bootstrap: 50 });
  const [own, majority, bayes] = report.methods;
  expect(report.methods.map(({ name }) => name.replace(/\d$/, 'n'))).toEqual([
    'LSTM, 2 seeds together',
    'most frequent class',
    'naive Bayes, character n-grams up to n',
  ]);
  expect(own!.accuracy).toBeGreaterThan(0.95);
  expect(bayes!.accuracy).toBeGreaterThan(majority!.accuracy);
  for (const {
    accuracy,
    accuracyInterval: [low, high],
  } of report.methods) {
    expect(low).toBeLessThanOrEqual(accuracy);
    expect(high).toBeGreaterThanOrEqual(accuracy);
  }
  expect(report).toMatchObject({ samples: 40, labels: 40, warnings: [] });
  expect(report.matrix.flat().reduce((a, b) => a + b)).toBe(40);
  expect(report.classes.map(({ name }) => name)).toEqual(['consonant', 'vowel']);
  expect(report.calibration.bins.reduce((sum, { count }) => sum + count, 0)).toBe(40);
  expect(report.calibration.ece).toBeLessThan(0.2);
});

test('predictions have probabilities that add up to 1, whatever is next to them', async () => {
  const [alone] = await classifier.predict(['aba']);
  const among = (await classifier.predict(['bcdfgabcde', 'aba', 'b']))[1]!;
  expect(alone!.label).toBe('vowel');
  expect(Object.keys(alone!.probabilities)).toEqual(['consonant', 'vowel']);
  expect(Object.values(alone!.probabilities).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  expect(among.probability).toBeCloseTo(alone!.probability, 5); // padding does not count
});

test('unknown characters and texts longer than any before are predicted, with a warning', async () => {
  const [one] = await classifier.predict([`ä${'ab'.repeat(20)}`]);
  expect(one!.warnings).toEqual([
    'has unknown characters: "ä"',
    'has 41 time steps; the longest sequence of the training had 5',
  ]);
});

test('a model file has the whole pipeline: a reloaded classifier gives the same bits, on the same test part', async () => {
  const bytes = await Promise.all(
    classifier.models.map((model) => serializeModel(model, { metadata: classifier.metadata() })),
  );
  const loaded = await Promise.all(bytes.map((one) => deserializeModel(one, { backend: 'reference' })));
  const models = loaded.map(({ model }) => model);
  const restored = classifierFrom(models, loaded[0]!.metadata);
  expect(await restored.predict(['abc', 'fa'])).toEqual(await classifier.predict(['abc', 'fa']));
  const again = restored.data(parseCsv(words(250)));
  expect(again.describe()).toEqual({ ...data.describe(), examples: expect.any(Array) });
  const { metadata } = loaded[0]!;
  expect(() => taggerFrom(models, metadata)).toThrow('pipeline is for classification, not for tagging.');
  for (const part of ['settings', 'features', 'classes', 'longest']) {
    const pipeline = { ...(metadata.pipeline as object), [part]: -1 };
    expect(() => classifierFrom(models, { ...metadata, pipeline })).toThrow(/^pipeline is damaged/);
  }
  const two = { ...(metadata.pipeline as object), classes: ['a', 'b', 'c'] };
  expect(() => classifierFrom(models, { ...metadata, pipeline: two })).toThrow('the model has 11 and 2');
  restored.dispose();
});

test('a labeled table is a test part as a whole, and other labels are refused with their line', async () => {
  const report = await testLabeler(classifier, parseCsv('word,end\naba,vowel\ncab,consonant'), { bootstrap: 5 });
  expect(report.methods).toHaveLength(1);
  expect(report.samples).toBe(2);
  const error = await rejected(() => testLabeler(classifier, parseCsv('word,end\naba,vowels', { name: 'new.csv' })));
  expect(error.message).toBe(
    'new.csv, line 2 has the class "vowels", which the training part does not have. Did you mean "vowel"? ' +
      'It has consonant, vowel. Correct the label, or give more samples of it.',
  );
});

test('an ensemble averages probabilities; others are refused', async () => {
  const single = await trainClassifier(data, { ...SMALL, epochs: 1 });
  const both = labelerEnsemble([classifier, single]);
  expect(both.models).toHaveLength(3);
  const p = async (one: Classifier) => (await one.predict(['fa']))[0]!.probabilities.vowel!;
  expect(await p(both)).toBeCloseTo((2 * (await p(classifier)) + (await p(single))) / 3, 12);
  expect(() => labelerEnsemble([classifier, null as never])).toThrow('trained on the same data');
  single.dispose();
});

test('on random classes, a classifier does no better than chance', async () => {
  const random = createRng(3, 'noise');
  const lines = words(240).split('\n').slice(1);
  const noise = lines.map((line) => `${line.split(',')[0]},${random.integer(2)}`);
  const set = classification(parseCsv(`word,end\n${noise.join('\n')}`), { ...OPTIONS, test: 100 });
  const one = await trainClassifier(set, { ...SMALL, epochs: 2 });
  const { methods } = await testLabeler(one, set, { baselines: false, bootstrap: 5 });
  expect(methods[0]!.accuracy).toBeLessThan(0.65);
  one.dispose();
});

test('numbers: each row is one time step of a sequence', async () => {
  const random = createRng(4, 'rows');
  const rows = Array.from({ length: 60 }, (_, id) => {
    const up = id % 2 === 0;
    return Array.from(
      { length: 3 + random.integer(3) },
      (_, t) => `${id},${100 + (up ? t : -t)},1,${up ? 'up' : 'down'}`,
    );
  }).flat();
  const table = parseCsv(`id,x,one,way\n${rows.join('\n')}`);
  const set = classification(table, { values: ['x', 'one'], sequence: 'id', label: 'way', test: 10, validation: 10 });
  const one = await trainClassifier(set, { ...SMALL, epochs: 8 });
  const report = await testLabeler(one, set, { bootstrap: 5 });
  expect(report.methods.map(({ name }) => name)).toEqual(['LSTM', 'most frequent class']);
  expect(report.methods[0]!.accuracy).toBeGreaterThan(0.9);
  expect((await one.predict([[100, 1, 101, 1, 102, 1]]))[0]!.label).toBe('up');
  expect((await rejected(() => one.predict([[1, 2, 3]]))).message).toContain(
    'must be finite numbers, 2 for each time step',
  );
  expect((await rejected(() => one.predict(['abc']))).message).toContain('must be a list of numbers');
  one.dispose();
});

describe('tagging', () => {
  let tagger: Tagger;
  let spaces: LabeledData;
  const text = 'the cat sat on the mat and the dog ran to the sea ';
  beforeAll(async () => {
    spaces = tagging(text.repeat(40), { length: 32, context: 8, test: 0.2, batchSize: 8 });
    tagger = await trainTagger(spaces, { ...SMALL, hiddenSize: 12, epochs: 5 });
  });

  test('a tagger restores the spaces of a plain text, next to dictionaries', async () => {
    const report = await testLabeler(tagger, spaces, { bootstrap: 5 });
    expect(report.methods.map(({ name }) => name)).toEqual([
      'LSTM',
      'most frequent tag',
      'dictionary, unigrams (Viterbi)',
      'dictionary, bigrams (Viterbi)',
    ]);
    expect(report.labels).toBe(spaces.describe().classes.reduce((sum, one) => sum + one.test, 0));
    expect(report.methods[0]!.f1).toBeGreaterThan(0.9);
    expect(report.methods[1]!.f1).toBe(0);
    expect(report.methods[3]!.f1).toBeGreaterThan(0.95);
    const [one] = await tagger.predict([text.replaceAll(' ', '').repeat(2)]);
    expect(one!.text).toBe(text.repeat(2).trim());
    expect(one!.tags).toHaveLength(one!.tokens.length);
    expect(one!.warnings).toEqual([]);
  });

  test('tags of words in a table, next to the most frequent tag of each word', async () => {
    const random = createRng(5, 'tags');
    const verbs = ['runs', 'eats', 'sees'];
    const sentence = () =>
      Array.from({ length: 3 + random.integer(4) }, () => ['cat', 'dog', ...verbs][random.integer(5)]!);
    const lines = Array.from({ length: 60 }, sentence).map((list) =>
      JSON.stringify({ text: list.join(' '), tags: list.map((word) => (verbs.includes(word) ? 'V' : 'N')).join(' ') }),
    );
    const { parseJsonLines } = await import('../../src/tasks/index.js');
    const set = tagging(parseJsonLines(lines.join('\n')), {
      text: 'text',
      tags: 'tags',
      units: 'words',
      test: 10,
      batchSize: 8,
    });
    const one = await trainTagger(set, { ...SMALL, epochs: 5 });
    const report = await testLabeler(one, set, { bootstrap: 5 });
    expect(report.methods.map(({ name }) => name)[2]).toBe('most frequent tag of each word');
    expect(report.methods[0]!.accuracy).toBeGreaterThan(0.95);
    expect((await one.predict(['dog runs']))[0]).toMatchObject({
      tokens: ['dog', 'runs'],
      tags: ['N', 'V'],
      text: null,
    });
    one.dispose();
  });
});

test('a dictionary finds the most probable words; bigrams use the word before', () => {
  const dictionary = new Dictionary('a b ab a b ab the in the inn at there in at'.split(' '));
  const split = (text: string, order: 1 | 2): string => {
    const ends = dictionary.ends([...text], order);
    return [...text]
      .map((c, i) => (ends.includes(i) ? `${c} ` : c))
      .join('')
      .trim();
  };
  expect(split('theinn', 1)).toBe('the inn');
  expect(split('thein', 2)).toBe('the in');
  expect(split('xyzthe', 1)).toBe('xyz the');
  expect(dictionary.ends([], 1)).toEqual([]);
});
