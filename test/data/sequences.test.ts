/** Samples from tables and texts: splits, vocabularies, batches, and what is refused. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRng } from '../../src/core/rng.js';
import { cutSequence } from '../../src/data/sequences/read.js';
import { classification, parseClassFiles, parseCsv, parseJsonLines, tagging } from '../../src/tasks/index.js';
import { thrown } from '../support/errors.js';

const table = (rows: readonly string[], head = 'text,label', name = 'a.csv') =>
  parseCsv([head, ...rows].join('\n'), { name });
/** `a` and `b` in the shares of the classes, each text once. */
const rows = (a: number, b: number): string[] => [
  ...Array.from({ length: a }, (_, i) => `ax${i},a`),
  ...Array.from({ length: b }, (_, i) => `by${i},b`),
];
const OPTIONS = { text: 'text', label: 'label' } as const;

test('no sample is lost or in two parts, and each part has the shares of the classes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 60 }),
      fc.integer({ min: 20, max: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 9 }),
      (a, b, test, seed) => {
        const data = classification(table(rows(a, b)), { ...OPTIONS, test, validation: 0.2, seed });
        const all = [data.train, data.validation!, data.test!].map((part) =>
          part.samples.map(({ sample }) => sample.place),
        );
        expect(new Set(all.flat()).size).toBe(a + b);
        expect(all.map((part) => part.length)).toEqual([
          a + b - test - Math.round(0.2 * (a + b)),
          Math.round(0.2 * (a + b)),
          test,
        ]);
        for (const { samples } of [data.validation!, data.test!]) {
          const share = samples.filter(({ targets }) => targets[0] === 0).length;
          expect(Math.abs(share - (samples.length * a) / (a + b))).toBeLessThan(1 + 1e-9);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('each fold has the shares of the classes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 40 }),
      fc.integer({ min: 8, max: 40 }),
      fc.integer({ min: 2, max: 4 }),
      fc.integer({ min: 0, max: 9 }),
      (a, b, folds, seed) => {
        for (let fold = 1; fold <= folds; fold++) {
          const { test, train } = classification(table(rows(a, b)), { ...OPTIONS, folds, fold, seed });
          for (const { samples } of [test!, train]) {
            const share = samples.filter(({ targets }) => targets[0] === 0).length;
            // The training part is up to three intervals of the order, without the test and the validation part.
            expect(Math.abs(share - (samples.length * a) / (a + b))).toBeLessThan(
              (samples === train.samples ? 3 : 1) + 1e-9,
            );
          }
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('each sample is the test part of one fold, and the samples of a group stay together', () => {
  const tests = [1, 2, 3].map((fold) => classification(table(rows(10, 9)), { ...OPTIONS, folds: 3, fold }).test!);
  expect(new Set(tests.flatMap(({ samples }) => samples.map(({ sample }) => sample.place))).size).toBe(19);
  const grouped = table(
    Array.from({ length: 60 }, (_, i) => `t${i},${i % 2 ? 'a' : 'b'},g${i % 12}`),
    'text,label,group',
  );
  const data = classification(grouped, { ...OPTIONS, group: 'group', test: 0.2, validation: 0.2 });
  const groups = [data.train, data.validation!, data.test!].map(
    ({ samples }) => new Set(samples.map(({ sample }) => sample.group)),
  );
  expect(groups.reduce((sum, { size }) => sum + size, 0)).toBe(12);
});

test('the vocabulary is that of the training part: other texts never change it', () => {
  const options = { ...OPTIONS, test: 5, validation: 5 };
  const one = classification(table(rows(20, 20)), options);
  const tested = new Set(
    [one.validation!, one.test!].flatMap(({ samples }) => samples.map(({ sample }) => sample.place)),
  );
  const changed = rows(20, 20).map((row, i) => (tested.has(`a.csv, line ${i + 2}`) ? `ZZZ${row}` : row));
  const other = classification(table(changed), options);
  expect(other.pipeline.toJSON()).toEqual(one.pipeline.toJSON());
  expect(one.pipeline.features.tokens).not.toContain('Z');
});

test('a batch is padded and has lengths; an epoch has each sample once, in batches of similar lengths', () => {
  const texts = Array.from({ length: 50 }, (_, i) => `${'ab'.repeat(1 + (i % 10))},${i % 2 ? 'x' : 'y'}`);
  const data = classification(table(texts), { ...OPTIONS, batchSize: 8 });
  const epoch = data.train.shuffled(createRng(1, 'order'));
  const batches = Array.from({ length: epoch.length }, (_, i) => epoch.batch(i));
  expect(batches.reduce((sum, { batchSize }) => sum + batchSize, 0)).toBe(data.train.samples.length);
  for (const { steps, batchSize, inputs, lengths, targets } of batches) {
    expect([inputs.length, lengths!.length, targets.length]).toEqual([steps * batchSize, batchSize, batchSize]);
    expect(Math.max(...Array.from(lengths!))).toBe(steps);
    for (let n = 0; n < batchSize; n++) {
      for (let t = 0; t < steps; t++) expect(inputs[t * batchSize + n]! > 0).toBe(t < lengths![n]!);
    }
  }
  expect(data.describe().padding).toBeLessThan(0.2);
  expect(epoch.batch(0)).toEqual(data.train.shuffled(createRng(1, 'order')).batch(0));
});

test('classes of unequal size are weighted, or repeated', () => {
  const of = (balance: 'weights' | 'oversample') =>
    classification(table(rows(40, 10)), { ...OPTIONS, balance, test: 0, validation: 0 });
  expect(of('weights').loss).toEqual({ kind: 'crossEntropy', classWeights: [0.625, 2.5] });
  const { train, loss } = of('oversample');
  expect(loss).toEqual({ kind: 'crossEntropy' });
  const epoch = train.shuffled(createRng(2, 'order'));
  const targets = Array.from({ length: epoch.length }, (_, i) => Array.from(epoch.batch(i).targets)).flat();
  expect(targets.filter((target) => target === 1)).toHaveLength(40);
  expect(targets).toHaveLength(80);
});

test('pieces of a text: each step counts in one of them, and all but the ends know both sides', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 9 }),
      (count, length, context) => {
        const tokens = Array.from({ length: count }, (_, i) => String(i));
        const pieces = cutSequence({ tokens, labels: tokens }, { length, context }, 'text');
        const counted = pieces.flatMap(({ tokens: own, steps, margins: [before, after] }) =>
          own.slice(before, steps - after),
        );
        expect(counted).toEqual(tokens);
        for (const { tokens: own, margins } of pieces) {
          expect(margins).toEqual([
            Math.min(context, Number(own[0]) + margins[0]),
            Math.min(context, count - 1 - Number(own.at(-1)) + margins[1]),
          ]);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('files with one class each, lists of numbers, and a given test table', () => {
  const files = parseClassFiles([
    { label: 'm', text: 'Adam\n\nBert\r\nCarl', name: 'm.txt' },
    { label: 'f', text: 'Dora\nEva\nFay', name: 'f.txt' },
  ]);
  const data = classification(files, { ...OPTIONS, test: 0, validation: 0 });
  expect(data.train.samples.map(({ sample }) => sample.place).sort()).toEqual(
    ['m.txt, line 1', 'm.txt, line 3', 'm.txt, line 4', 'f.txt, line 1', 'f.txt, line 2', 'f.txt, line 3'].sort(),
  );
  const numbers = parseJsonLines('{"x":"1 2 3","y":"a"}\n{"x":"4 5","y":"b"}\n{"x":"7","y":"b"}');
  const set = classification(numbers, { values: ['x'], label: 'y', test: 0, validation: 0, scale: 'none' }, numbers);
  expect(set.train.batch(0)).toMatchObject({ steps: 3, inputs: Float32Array.of(7, 4, 1, 0, 5, 2, 0, 0, 3) });
  expect(set.test!.samples).toHaveLength(3);
  const wide = table(['1,2,a', '3,4,b'], 'x,y,label');
  expect(
    classification(wide, { values: ['x', 'y'], label: 'label', test: 0, validation: 0 }).describe().lengths.max,
  ).toBe(2);
});

describe('bad data is refused with its place', () => {
  const good = table(rows(10, 10));
  test.each<[string, () => unknown, string]>([
    [
      'one class only',
      () => classification(table(rows(10, 0)), OPTIONS),
      'a.csv has only one class in its training part, "a".',
    ],
    [
      'an empty class',
      () => parseClassFiles([{ label: 'a', text: '\n \n', name: 'a.txt' }]),
      'a.txt has no sample of the class "a".',
    ],
    [
      'no label column',
      () => classification(good, { ...OPTIONS, label: 'labels' }),
      'unknown column "labels". Did you mean "label"?',
    ],
    [
      'no label',
      () => classification(table(['x,a', 'y,']), OPTIONS),
      'a.csv, line 3, column "label" must not be empty.',
    ],
    [
      'an empty text',
      () => classification(table(['x,a', ' ,b']), OPTIONS),
      'a.csv, line 3, column "text" must not be empty.',
    ],
    [
      'text among numbers',
      () => classification(table(['1,a', 'x,b']), { values: ['text'], label: 'label' }),
      'a.csv, line 3, column "text" must be numbers separated by blanks, got "x".',
    ],
    [
      'text in a numeric column',
      () => classification(table(['1,2,a', '1,x,b'], 'x,y,label'), { values: ['x', 'y'], label: 'label' }),
      'a.csv, line 3, column "y" must be a number, got "x".',
    ],
    [
      'a missing number',
      () => classification(table(['1,2,a', '1,,b'], 'x,y,label'), { values: ['x', 'y'], label: 'label' }),
      'a.csv, line 3, column "y" must be a number, but it is missing.',
    ],
    ['a ragged line', () => table(['x,a', 'y,b,c']), 'a.csv: line 3 has 3 cells; the first line has 2.'],
    ['an empty file', () => parseCsv('', { name: 'a.csv' }), 'a.csv: the file is empty.'],
    [
      'a label of the test table',
      () => classification(good, OPTIONS, table(['x,a', 'y,c'], 'text,label', 'test.csv')),
      'test.csv, line 3 has the class "c", which the training part does not have.',
    ],
    [
      'two classes in a sequence',
      () => classification(table(['1,p,a', '1,p,b'], 'x,id,label'), { values: ['x'], sequence: 'id', label: 'label' }),
      'a.csv, line 3, column "label" is "b", but the sequence began with "a".',
    ],
    [
      'too few samples',
      () => classification(table(rows(2, 2)), { ...OPTIONS, test: 3, validation: 1 }),
      'a.csv has 4 samples, which are too few',
    ],
    [
      'too few tags',
      () => tagging(table(['a b c,N V', 'a b,N V']), { text: 'text', tags: 'label', units: 'words' }),
      'a.csv, line 2, column "label" has 2 tags for 3 time steps.',
    ],
    ['an empty plain text', () => tagging(' \n '), 'text is empty or has only white space.'],
    ['a text without spaces', () => tagging('a'.repeat(50)), 'text has only one tag in its training part, "none".'],
    [
      'both inputs',
      () => classification(good, { ...OPTIONS, values: ['text'] }),
      'options must have either text or values, got both.',
    ],
    ['a text with columns', () => tagging('a b', { tags: 'x' }), 'options.tags is for tables'],
    [
      'folds and test',
      () => classification(good, { ...OPTIONS, folds: 3, test: 2 }),
      'options.test has no effect with folds.',
    ],
    [
      'a share above 1',
      () => classification(good, { ...OPTIONS, test: 1.5 }),
      'options.test must be a number of samples, or a share below 1',
    ],
  ])('%s', (_, act, message) => expect(thrown(act).message).toContain(message));
});
