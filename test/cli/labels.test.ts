/** Classification and tagging from the command line: data, train, eval, predict. */
import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { dataCommand } from '../../src/cli/data.js';
import { evalCommand } from '../../src/cli/eval.js';
import { predictCommand } from '../../src/cli/predict.js';
import { trainCommand } from '../../src/cli/train.js';
import { runHere, temporaryFolder } from './in-process.js';

const here = temporaryFolder();
const SMALL = [
  '--hidden-size',
  '4',
  '--embedding-size',
  '4',
  '--lr',
  '0.05',
  '--dropout',
  '0',
  '--backend',
  'reference',
];
const words = Array.from({ length: 90 }, (_, i) => 'bcdfg'[i % 5]! + 'aeiou'[(i >> 1) % 5]! + (i % 3 ? 'a' : 'b'));
const rows = words.map((word) => `${word},${word.endsWith('a') ? 'vowel' : 'consonant'}`);
const run = () => here.at('words');
const model = () => here.at('words/model.safetensors');
const lines = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Runs `act` with `text` as standard input. */
async function withInput<T>(text: string, act: () => Promise<T>): Promise<T> {
  const own = Object.getOwnPropertyDescriptor(process, 'stdin')!;
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(text)]), configurable: true });
  try {
    return await act();
  } finally {
    Object.defineProperty(process, 'stdin', own);
  }
}

beforeAll(async () => {
  here.write('words.csv', `word,end\n${rows.join('\n')}\n`);
  here.write('new.csv', 'word,end\nfoa,vowel\ncub,consonant\n');
  here.write('wrong.csv', 'word,end\nfoa,vowels\n');
  mkdirSync(here.at('classes'));
  for (const [label, end] of [
    ['vowel', 'a'],
    ['consonant', 'b'],
  ] as const) {
    here.write(`classes/${label}.txt`, words.filter((word) => word.endsWith(end)).join('\n'));
  }
  // No --label: the columns follow from the table.
  await runHere(
    trainCommand,
    here.at('words.csv'),
    ...SMALL,
    '--epochs',
    '12',
    '--batch-size',
    '8',
    '--run',
    run(),
    '--quiet',
  );
});

test('data shows the parts, the classes and examples, of a table and of a folder', async () => {
  const stdout = await runHere(dataCommand, here.at('words.csv'));
  expect(stdout).toContain('words.csv: classification');
  expect(stdout).toContain('Samples: training 72, validation 9, test 9');
  expect(stdout).toMatch(/^vowel +48 +6 +6$/m);
  const [record] = lines(await runHere(dataCommand, here.at('classes'), '--json'));
  expect(record).toMatchObject({
    kind: 'data',
    task: 'classification',
    samples: { train: 72, validation: 9, test: 9 },
  });
});

test('train writes a run directory, and eval repeats its figures next to baselines', async () => {
  const record = JSON.parse(String(here.read('words/run.json'))) as { result: { accuracy: number } };
  expect(record).toMatchObject({ job: 'classification', status: 'finished', data: [{ file: here.at('words.csv') }] });
  const config = JSON.parse(String(here.read('words/config.json')));
  expect(config).toMatchObject({ task: 'classification', text: 'word', label: 'end' });
  const [report] = lines(await runHere(evalCommand, model(), '--json')) as { methods: { accuracy: number }[] }[];
  expect(report!.methods).toHaveLength(3);
  expect(report!.methods[0]!.accuracy).toBe(record.result.accuracy);
  expect(report!.methods[0]!.accuracy).toBe(1);
  const text = await runHere(evalCommand, model(), here.at('words.csv'));
  expect(text).toContain('The test part of');
  expect(text).toMatch(/^naive Bayes, character n-grams up to \d +/m);
  expect(await runHere(evalCommand, model(), here.at('new.csv'))).toMatch(/^vowel +0 +1$/m);
});

test('the config file of a run repeats it with the same bytes', async () => {
  const again = ['--config', here.at('words/config.json'), '--backend', 'reference', '--quiet'];
  await runHere(trainCommand, ...again, '--out', here.at('again.safetensors'));
  expect(here.read('again.safetensors').equals(here.read('words/model.safetensors'))).toBe(true);
});

test('predict reads a table, lines, one text, or standard input', async () => {
  expect(await runHere(predictCommand, model(), here.at('new.csv'), '--csv')).toMatch(
    /^label,probability,input\nvowel,0\.\d+,foa\nconsonant,0\.\d+,cub\n$/,
  );
  const [one] = lines(await runHere(predictCommand, model(), '--text', 'dua', '--json'));
  expect(one).toMatchObject({
    kind: 'prediction',
    place: '--text, line 1',
    input: 'dua',
    label: 'vowel',
    warnings: [],
  });
  const piped = await withInput('gib\n\nfoa\n', () => runHere(predictCommand, model(), '--json'));
  expect(lines(piped).map(({ place, label }) => [place, label])).toEqual([
    ['standard input, line 1', 'consonant'],
    ['standard input, line 3', 'vowel'],
  ]);
});

test('a tagger of a plain text restores its spaces', async () => {
  const text = 'the cat sat on the mat and the dog ran to the sea ';
  here.write('text.txt', text.repeat(30));
  here.write('squeezed.txt', text.repeat(2).replaceAll(' ', ''));
  const file = here.at('spaces.safetensors');
  const options = ['--hidden-size', '10', '--length', '32', '--context', '8', '--batch-size', '8', '--epochs', '6'];
  await runHere(trainCommand, here.at('text.txt'), '--task', 'tagging', ...SMALL, ...options, '--out', file, '--quiet');
  const restored = await runHere(predictCommand, file, here.at('squeezed.txt'));
  expect(restored.replaceAll(' ', '').trim()).toBe(String(here.read('squeezed.txt')));
  expect(restored).toContain('the cat sat on the mat');
  const [report] = lines(await runHere(evalCommand, file, '--json')) as { methods: { name: string; f1: number }[] }[];
  expect(report!.methods.map(({ name }) => name)).toContain('dictionary, bigrams (Viterbi)');
  expect(report!.methods[0]!.f1).toBeGreaterThan(0.8);
});

describe('errors', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    [
      'a column that does not exist',
      () => runHere(trainCommand, here.at('words.csv'), '--label', 'sex'),
      'unknown column "sex"',
    ],
    [
      'a test file with another label',
      () => runHere(trainCommand, here.at('words.csv'), '--test-file', here.at('wrong.csv'), '--label', 'end'),
      'wrong.csv, line 2 has the class "vowels", which the training part does not have.',
    ],
    [
      'a flag of another task',
      () => runHere(trainCommand, here.at('words.csv'), '--steps', '5'),
      '--steps has no effect on a classifier or a tagger.',
    ],
    [
      'no label',
      () => runHere(trainCommand, here.at('words.csv'), '--task', 'tagging', '--text', 'word', '--tags', 'x'),
      'unknown column "x"',
    ],
    ['a forecast of a classifier', () => runHere(predictCommand, model(), '--next', '3'), '--next has no effect'],
    [
      'a run that exists',
      () => runHere(trainCommand, here.at('words.csv'), '--run', run()),
      'a run is never overwritten',
    ],
    [
      'labels that the model does not know',
      () => runHere(evalCommand, model(), here.at('wrong.csv')),
      'Did you mean "vowel"?',
    ],
  ])('%s', async (_, act, message) => expect(await act().catch(String)).toContain(message));
});
