/** Trainings of forecasters that are interrupted and resumed, and trainings of several seeds. */
import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { backtestCommand } from '../../src/cli/backtest.js';
import type { Command } from '../../src/cli/command.js';
import { loadForecaster } from '../../src/cli/forecast/load.js';
import { parseCommand } from '../../src/cli/parse.js';
import { predictCommand } from '../../src/cli/predict.js';
import { trainCommand } from '../../src/cli/train.js';
import { deserializeModel } from '../../src/create.js';
import { temporaryFolder } from './in-process.js';

const here = temporaryFolder();
const rows = Array.from({ length: 90 }, (_, i) => `${20 + (i % 7) * 3 + i / 30}`);
const table = here.write('shop.csv', `sold\n${rows.join('\n')}\n`);
const ARGS = [
  ...[table, '--target', 'sold', '--history', '5', '--horizon', '2', '--test', '8', '--validation', '12'],
  ...['--hidden-size', '3', '--epochs', '3', '--batch-size', '16', '--backend', 'reference', '--json'],
];

/** Runs a command; `onLine` is called with each JSON line that it prints. */
async function run(command: Command, argv: readonly string[], onLine: (line: Line) => void = () => {}) {
  const lines: Line[] = [];
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    const line = JSON.parse(String(text)) as Line;
    lines.push(line);
    onLine(line);
    return true;
  });
  try {
    const { args, options } = parseCommand(command, argv);
    return { code: await command.run(args, options), lines };
  } finally {
    spy.mockRestore();
  }
}
type Line = Readonly<Record<string, unknown>>;

const metricsOf = (name: string): string => here.read(`${name}/metrics.jsonl`).toString();
const recordOf = (name: string) => JSON.parse(here.read(`${name}/run.json`).toString());

describe('three seeds', () => {
  let whole: Line[];
  beforeAll(async () => {
    whole = (await run(trainCommand, [...ARGS, '--seeds', '3', '--run', here.at('whole'), '--tensorboard'])).lines;
  });

  test('the result has the figures of each seed, and the record their mean and spread', () => {
    const { seeds } = whole.at(-1) as unknown as { seeds: { seed: number; mae: number; validationLoss: number }[] };
    expect(seeds.map(({ seed }) => seed)).toEqual([1, 2, 3]);
    const maes = seeds.map(({ mae }) => mae);
    const mean = maes.reduce((sum, mae) => sum + mae, 0) / 3;
    const variance = maes.reduce((sum, mae) => sum + (mae - mean) ** 2, 0) / 2;
    const { result } = recordOf('whole');
    expect(result.maeMean).toBeCloseTo(mean, 10);
    expect(result.maeSpread).toBeCloseTo(Math.sqrt(variance), 10);
    expect(result.loss).toBe(Math.min(...seeds.map(({ validationLoss }) => validationLoss)));
  });

  test('--tensorboard writes an event file with a record for the version and one per line of the metrics', async () => {
    const [name] = readdirSync(here.at('whole')).filter((one) => one.startsWith('events.out.tfevents.'));
    const bytes = here.read(`whole/${name}`);
    let records = 0;
    for (let at = 0; at < bytes.length; at += Number(bytes.readBigUInt64LE(at)) + 16) records++;
    expect(records).toBe(1 + metricsOf('whole').trim().split('\n').length);
    const alone = run(trainCommand, [...ARGS, '--tensorboard', '--out', here.at('alone.safetensors')]);
    await expect(alone).rejects.toThrow('--tensorboard writes to a run directory');
  });

  test('the model of the best seed is kept, and each seed is a model, too', async () => {
    expect(readdirSync(here.at('whole')).filter((name) => name.endsWith('.safetensors'))).toEqual([
      ...['model.safetensors', 'model.seed-1.safetensors', 'model.seed-2.safetensors', 'model.seed-3.safetensors'],
    ]);
    const { lines } = await run(backtestCommand, [here.at('whole/model.safetensors'), '--json']);
    const [report] = lines as unknown as { methods: { mae: number }[] }[];
    expect(report!.methods[0]!.mae).toBeCloseTo(recordOf('whole').result.mae, 5);
  });

  test.each([
    ['in the first seed', 1, 4],
    ['in the second seed', 2, 7],
    ['near the end', 3, 11],
  ])('interrupted %s and resumed, it gives the same bytes', async (name, seed, update) => {
    const at = here.at(`cut ${name}`);
    const stop = (line: Line): void => {
      if (line.kind === 'update' && line.seed === seed && line.update === update) process.emit('SIGINT');
    };
    const cut = await run(trainCommand, [...ARGS, '--seeds', '3', '--run', at], stop);
    expect(cut.code).toBe(1);
    expect(cut.lines.at(-1)).toMatchObject({ kind: 'interrupted' });
    expect(recordOf(`cut ${name}`).status).toBe('interrupted');
    expect((await run(trainCommand, ['--resume', at, '--backend', 'reference', '--json'])).code).toBe(0);
    expect(metricsOf(`cut ${name}`)).toBe(metricsOf('whole'));
    for (const file of readdirSync(here.at('whole')).filter((one) => one.endsWith('.safetensors'))) {
      expect(here.read(`cut ${name}/${file}`).equals(here.read(`whole/${file}`))).toBe(true);
    }
    const { sessions, result } = recordOf(`cut ${name}`);
    expect(sessions).toHaveLength(2);
    expect(result).toEqual(recordOf('whole').result);
  });

  test('a finished run has nothing to resume, and a resumed one keeps its settings', async () => {
    const resumed = (...argv: string[]) => run(trainCommand, ['--resume', here.at('whole'), ...argv]);
    await expect(resumed()).rejects.toThrow('has no checkpoint: its training is finished.');
    await expect(resumed('--lr', '0.1')).rejects.toThrow('--lr cannot change when you resume');
  });
});

test('an ensemble forecasts with the mean of all models', async () => {
  await run(trainCommand, [...ARGS, '--seeds', '2', '--ensemble', '--out', here.at('both.safetensors')]);
  const { forecaster } = await loadForecaster(here.at('both.safetensors'));
  expect(forecaster.models).toHaveLength(2);
  const { model } = await deserializeModel(here.read('both.seed-2.safetensors'));
  expect(forecaster.models[1]!.spec).toEqual(model.spec);
  const { lines } = await run(predictCommand, [here.at('both.safetensors'), '--json']);
  expect(lines).toHaveLength(2);
  const alone = run(trainCommand, [...ARGS, '--ensemble', '--out', here.at('one.safetensors')]);
  await expect(alone).rejects.toThrow('--ensemble needs --seeds 2 or more.');
});

test('a checkpoint of --out is resumed with the table that it was trained on only', async () => {
  const out = here.at('model.safetensors');
  await run(trainCommand, [...ARGS, '--out', out], ({ kind, update }) => {
    if (kind === 'update' && update === 3) process.emit('SIGINT');
  });
  const checkpoint = here.at('model.checkpoint.safetensors');
  const other = here.write('other.csv', `sold\n${rows.slice(1).join('\n')}\n`);
  const resumed = run(trainCommand, [other, '--resume', checkpoint]);
  await expect(resumed).rejects.toThrow('this is not the table that the checkpoint was trained on.');
  await expect(loadForecaster(checkpoint)).rejects.toThrow('this model is not a forecaster.');
  expect((await run(trainCommand, ['--resume', checkpoint, '--backend', 'reference', '--json'])).code).toBe(0);
  expect(here.has('model.safetensors')).toBe(true);
  expect(here.has('model.checkpoint.safetensors')).toBe(false);
});
