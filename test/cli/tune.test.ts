/** `unspool tune`: its configuration, its files, and that a kill at any moment loses nothing but the running trials. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseCommand } from '../../src/cli/parse.js';
import { DEFAULTS, type TrainSettings } from '../../src/cli/train/settings.js';
import { trainCommand } from '../../src/cli/train.js';
import { configWith, readStudyConfig } from '../../src/cli/tune/config.js';
import { importanceTable, studyPage, studyPlots, trialsTable } from '../../src/cli/tune/report.js';
import { secondsIn } from '../../src/cli/tune/run.js';
import { openStudy, readTrials, writeTrial } from '../../src/cli/tune/study.js';
import { trainTrial } from '../../src/cli/tune/trial.js';
import type { Trial } from '../../src/tune/index.js';
import { type Folder, folder, jsonLines, sampleText } from './support.js';

const SMALL = { hiddenSize: 6, embeddingSize: 4, batchSize: 4, steps: 8, validateEvery: 10, epochs: 2 };

describe('the configuration', () => {
  const here = folder();
  const read = (config: object) => readStudyConfig(here.write('c.json', JSON.stringify(config)));

  test('is split into what is searched and what all trials share, also within objects', async () => {
    const lr = { from: 0.001, to: 0.1, scale: 'log' };
    const config = { ...SMALL, lr, layers: { from: 1, to: 3 }, lstm: { zoneout: { choices: [0, 0.1] }, bias: true } };
    const study = await read(config);
    expect(study.space).toEqual({
      ...{ lr, layers: { from: 1, to: 3, integer: true } },
      'lstm.zoneout': { choices: [0, 0.1] },
    });
    const settings = { lr: 0.01, layers: 2, 'lstm.zoneout': 0.1 };
    expect(configWith(study, settings)).toEqual({ ...SMALL, lr: 0.01, layers: 2, lstm: { zoneout: 0.1, bias: true } });
    expect(configWith(study, { ...settings, 'lstm.zoneout': 0 })).toMatchObject({ lstm: { zoneout: 0, bias: true } });
  });

  test.each([
    [{ lr: 0.1 }, 'has nothing to search'],
    [{ lr: { from: -1, to: 1 } }, 'lr must be a number of at least 0, got -1.'],
    [{ precision: { choices: ['half'] } }, 'precision must be "float32" or "float64"'],
    [{ learningRate: { from: 1, to: 2 } }, 'Did you mean "lr"?'],
    [{ text: { choices: ['a', 'b'] } }, 'text cannot be searched.'],
    [{ lr: { from: 0.1, to: 1 }, validationSplit: 0 }, 'trials are compared by their validation loss'],
  ])('%j is rejected', async (config, message) => {
    await expect(read(config)).rejects.toThrow(message);
  });

  test('a budget is a time with its unit', () => {
    expect(['90s', '20m', '1.5h'].map(secondsIn)).toEqual([90, 1200, 5400]);
    for (const wrong of ['', '20', '0m', '5d', '-1s'])
      expect(() => secondsIn(wrong)).toThrow('--budget must be a time');
  });
});

const TRIALS: readonly Trial[] = [
  { number: 0, settings: { lr: 0.1, kind: 'a' }, state: 'finished', value: 2.5, reports: [3, 2.8], seconds: 1 },
  {
    number: 1,
    settings: { lr: 0.9, kind: 'a' },
    state: 'failed',
    value: null,
    reports: [],
    seconds: 1,
    error: 'NaN & more',
  },
  { number: 2, settings: { lr: 0.2, kind: 'b' }, state: 'stopped', value: 2.9, reports: [2.9], seconds: 1 },
  { number: 3, settings: { lr: 0.3, kind: 'b' }, state: 'finished', value: 2.4, reports: [2.9, 2.7], seconds: 1 },
];

describe('the files of a study', () => {
  test('a line that a kill cut off is removed; the trials before it are kept', async () => {
    const here = folder();
    for (const trial of TRIALS) await writeTrial(here.path, trial);
    const whole = here.read('trials.jsonl');
    for (const length of [whole.length - 1, whole.length - 60, 3, 0]) {
      writeFileSync(join(here.path, 'trials.jsonl'), whole.subarray(0, length));
      const complete = whole.subarray(0, length).toString().split('\n').length - 1;
      expect(await readTrials(here.path)).toEqual(TRIALS.slice(0, complete));
      await writeTrial(here.path, { ...TRIALS[0]!, number: 9 });
      expect((await readTrials(here.path)).map(({ number }) => number)).toEqual([
        ...TRIALS.slice(0, complete).map((t) => t.number),
        9,
      ]);
    }
  });

  test('another study in the folder is an error that names the difference', async () => {
    const here = folder();
    const study = { space: { lr: { choices: [1, 2] } }, seed: 1 };
    await openStudy(here.path, study);
    await openStudy(here.path, study);
    await expect(openStudy(here.path, { ...study, seed: 2 })).rejects.toThrow('another study: seed was 1 and is 2.');
  });

  test('tables and page have the best trial first, and the importance of each setting', async () => {
    const space = { lr: { from: 0.1, to: 1, scale: 'log' }, kind: { choices: ['a', 'b'] } } as const;
    expect(trialsTable(space, TRIALS, { most: 2 }).rows.map((row) => row.slice(0, 3))).toEqual([
      [3, 'finished', '2.4000'],
      [0, 'finished', '2.5000'],
    ]);
    expect(importanceTable(space, TRIALS).rows).toContainEqual(['kind', expect.any(String), 'b']);
    expect(studyPlots(space, TRIALS).map(({ title }) => title)).toEqual(['Loss of each trial', 'Loss by lr']);
    const page = await studyPage('study', space, TRIALS);
    expect(page).toContain('NaN &amp; more');
    expect(page).not.toMatch(/<script|<link|src=|@import/);
  });
});

test('the value of a trial is the validation loss that unspool train ends with, whatever it reports', async () => {
  const here = folder(sampleText(250));
  const settings = { ...DEFAULTS, ...SMALL, lr: 0.05 } as TrainSettings;
  const reports: number[] = [];
  const text = here.read('text.txt').toString();
  const order = { settings, text, backend: 'reference', threads: undefined };
  const report = async (value: number): Promise<boolean> => reports.push(value) > 0;
  const value = await trainTrial(order, { rungs: [0.11, 0.33], report });
  expect(reports).toHaveLength(2);
  expect(Math.min(...reports, value)).toBe(value);
  here.write('c.json', JSON.stringify({ ...SMALL, lr: 0.05, text: join(here.path, 'text.txt'), backend: 'reference' }));
  const { args, options } = parseCommand(trainCommand, [
    ...['--config', join(here.path, 'c.json'), '--run', join(here.path, 'r'), '--quiet'],
  ]);
  await trainCommand.run(args, options);
  expect(JSON.parse(here.read('r/run.json').toString()).result.loss).toBe(value);
  const stop = async (): Promise<boolean> => false;
  expect(await trainTrial(order, { rungs: [0.11, 0.33], report: stop })).toBe(reports[0]);
});

test('killed twice and continued, a study makes the same trials and the same choice', async () => {
  const config = {
    ...SMALL,
    text: 'text.txt',
    lr: { from: 0.001, to: 1, scale: 'log' },
    dropout: { from: 0, to: 0.5 },
  };
  const [whole, broken] = [folder(sampleText(250)), folder(sampleText(250))];
  for (const at of [whole, broken]) at.write('search.json', JSON.stringify(config));
  const args = ['tune', 'search.json', '--trials', '6', '--rungs', '2', '--out', 'study', '--json'];
  const done = whole.ok(...args, '--workers', '2');
  for (const trials of [1, 3]) {
    const running = broken.start(...args, '--workers', '1');
    await running.printed(new RegExp(`(?:"kind":"trial".*\\n[^]*){${trials}}`));
    running.process.kill('SIGKILL');
    expect((await running.ended).signal).toBe('SIGKILL');
    const lines = readFileSync(join(broken.path, 'study/trials.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(trials);
  }
  const rest = jsonLines(await broken.ok(...args, '--workers', '2'));
  expect(rest[0]).toMatchObject({ kind: 'start', trials: 6, done: expect.any(Number) });
  expect(rest[0]!.done).toBeGreaterThanOrEqual(4);
  await done;
  const trialsOf = async ({ path }: Folder) =>
    (await readTrials(join(path, 'study')))
      .map(({ seconds: _, ...trial }) => trial)
      .sort((a, b) => a.number - b.number);
  expect(await trialsOf(broken)).toEqual(await trialsOf(whole));
  expect(broken.read('study/best.json')).toEqual(whole.read('study/best.json'));
  expect(broken.read('study/report.html').toString()).toContain('Loss by lr');
});
