/** `unspool tune` for classifiers, taggers and forecasters: what a trial is, and a study from its configuration to the best settings. */
import { expect, test } from '@jest/globals';
import { readStudyConfig } from '../../src/cli/tune/config.js';
import { readStudyData, type TaskStudy, trainTaskTrial } from '../../src/cli/tune/task-trial.js';
import {
  backtest,
  classification,
  kFolds,
  parseCsv,
  testLabeler,
  trainClassifier,
  trainForecaster,
  walkForward,
} from '../../src/tasks/index.js';
import { folder, jsonLines } from './support.js';

const here = folder('');
const words = Array.from({ length: 60 }, (_, i) => 'bcdfg'[i % 5]! + 'aeiou'[(i >> 1) % 5]! + (i % 3 ? 'a' : 'b'));
const csv = `word,end\n${words.map((word) => `${word},${word.endsWith('a') ? 'vowel' : 'consonant'}`).join('\n')}\n`;
const sold = `sold\n${Array.from({ length: 80 }, (_, i) => 20 + (i % 7) * 3 + i / 30).join('\n')}\n`;
here.write('words.csv', csv);
here.write('sold.csv', sold);

const BACKEND = { backend: 'reference', threads: 1 } as const;
const SIZES = { hiddenSize: 4, dropout: 0, seeds: [1], backend: { ...BACKEND, precision: 'float64' } } as const;
const LABELS = { label: 'end', text: 'word', test: 10, validation: 8, batchSize: 16 } as const;
const silent = { rungs: [], report: async () => true };

/** The value of a trial, and what it reports after a third and two thirds of the updates. */
async function trial(study: TaskStudy, settings: object) {
  const read = await readStudyData(study);
  const given = { settings: { ...study.base, ...settings }, folds: study.folds, ...BACKEND };
  const reports: number[] = [];
  const report = async (error: number): Promise<boolean> => reports.push(error) > 0;
  const value = await trainTaskTrial(read, given, { rungs: [1 / 3, 2 / 3], report });
  expect(await trainTaskTrial(read, given, silent)).toBe(value); // reports change nothing
  const stop = async (): Promise<boolean> => false;
  expect(await trainTaskTrial(read, given, { rungs: [1 / 3], report: stop })).toBe(reports[0]);
  expect(reports).toHaveLength(2);
  return value;
}

const mean = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;

const base = { ...LABELS, epochs: 3, embeddingSize: 4, dropout: 0, precision: 'float64' };
const study: TaskStudy = { task: 'classification', file: `${here.path}/words.csv`, base, folds: 1 };
const training = { ...SIZES, epochs: 3, embeddingSize: 4, learningRate: 0.05 };

test('with one fold, a trial of a classifier is the validation loss that unspool train ends with', async () => {
  let best = Number.POSITIVE_INFINITY;
  const data = classification(parseCsv(csv), LABELS);
  const onEvent = (event: { kind: string; loss?: number }): void => {
    if (event.kind === 'validation') best = Math.min(best, event.loss!);
  };
  (await trainClassifier(data, { ...training, onEvent })).dispose();
  expect(await trial(study, { hiddenSize: 4, lr: 0.05 })).toBe(best);
});

test('with folds, it is the mean loss of the folds, and the samples of the final test are not among them', async () => {
  const folds = kFolds(parseCsv(csv), LABELS, { folds: 3 });
  const final = new Set(classification(parseCsv(csv), LABELS).test!.samples.map(({ sample }) => sample.place));
  const tested = folds.flatMap((fold) => fold.test!.samples.map(({ sample }) => sample.place));
  expect(new Set(tested).size).toBe(50);
  expect(tested.filter((place) => final.has(place))).toEqual([]);
  for (const { train, validation, test: part } of folds) {
    const all = [train, validation!, part!].flatMap(({ samples }) => samples.map(({ sample }) => sample.place));
    expect([new Set(all).size, all.length]).toEqual([50, 50]);
  }
  const losses: number[] = [];
  for (const fold of folds) {
    const classifier = await trainClassifier(fold, training);
    losses.push((await testLabeler(classifier, fold, { baselines: false, bootstrap: 1 })).loss);
    classifier.dispose();
  }
  expect(await trial({ ...study, folds: 3 }, { hiddenSize: 4, lr: 0.05 })).toBeCloseTo(mean(losses), 10);
  expect(() => kFolds(parseCsv(csv), { ...LABELS, test: 0, folds: 2 })).toThrow('options.folds has no effect here.');
});

test('the folds of two classes of equal size have both in equal shares, with any number of folds', () => {
  const even = parseCsv(`word,end\n${words.map((word, i) => `${word},${i % 2 ? 'x' : 'y'}`).join('\n')}\n`);
  for (const folds of [2, 3, 4, 6]) {
    for (const fold of kFolds(even, { ...LABELS, test: 0 }, { folds })) {
      const labels = fold.test!.samples.map(({ sample }) => sample.labels[0]);
      const share = labels.filter((label) => label === 'x').length - labels.length / 2;
      expect(Math.abs(share)).toBeLessThanOrEqual(1);
    }
  }
});

test('a trial of a forecaster is the mean absolute error of its origins, in the unit of the target', async () => {
  const options = { target: 'sold', history: 7, horizon: 2, test: 8, validation: 8, batchSize: 16 } as const;
  const errors: number[] = [];
  for (const fold of walkForward(parseCsv(sold), options, { folds: 2, unread: 8 })) {
    const forecaster = await trainForecaster(fold, { ...SIZES, epochs: 2, learningRate: 0.02 });
    errors.push((await backtest(forecaster, fold, { baselines: false })).methods[0]!.mae);
    forecaster.dispose();
  }
  const shared = { ...options, epochs: 2, dropout: 0, precision: 'float64' };
  const value = await trial(
    { task: 'forecasting', file: `${here.path}/sold.csv`, base: shared, folds: 2 },
    { hiddenSize: 4, lr: 0.02 },
  );
  expect(value).toBeCloseTo(mean(errors), 10);
});

test.each<[object, string]>([
  [{ target: 'y', history: { choices: [3, 5] }, seeds: 3 }, 'unknown setting "seeds"'],
  [{ target: { choices: ['a', 'b'] } }, 'target cannot be searched.'],
  [{ task: 'classification', lr: { from: -1, to: 1 } }, 'lr must be a number of at least 0, got -1.'],
  [{ label: 'end', steps: { choices: [3, 5] } }, 'unknown setting "steps"'],
])('%j is rejected', async (config, message) => {
  here.write('wrong.json', JSON.stringify(config));
  await expect(readStudyConfig(`${here.path}/wrong.json`)).rejects.toThrow(message);
});

test('a study of a classifier writes the best settings, with which unspool train trains', async () => {
  const config = { ...LABELS, table: 'words.csv', epochs: 2, hiddenSize: { choices: [2, 4] }, balance: 'weights' };
  here.write('search.json', JSON.stringify(config));
  const args = [
    'tune',
    'search.json',
    '--method',
    'grid',
    '--folds',
    '2',
    '--workers',
    '1',
    '--out',
    'study',
    '--json',
  ];
  const lines = jsonLines(await here.ok(...args));
  expect(lines.map(({ kind }) => kind)).toEqual(['start', 'trial', 'trial', 'result']);
  const best = JSON.parse(here.read('study/best.json').toString());
  expect(best).toMatchObject({ task: 'classification', table: 'words.csv', label: 'end', balance: 'weights' });
  expect(here.read('study/report.html').toString()).toContain('Loss by hiddenSize');
  await here.ok('train', '--config', 'study/best.json', '--backend', 'reference', '--out', 'm.safetensors', '--quiet');
  const other = await here.run(...args.map((arg) => (arg === '2' ? '3' : arg)));
  expect(other.stderr).toContain('another study: folds was 2 and is 3.');
  const wrong = await here.run('tune', 'search.json', '--origins', '2');
  expect(wrong.stderr).toContain('--origins is for forecasters.');
});
