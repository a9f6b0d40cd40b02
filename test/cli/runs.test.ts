/** `unspool runs`: finds, sorts and compares run directories, also damaged ones and those of running trainings. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { parseCommand } from '../../src/cli/parse.js';
import { differingSettings, runsTable, sortRuns } from '../../src/cli/runs/compare.js';
import { RunDirectory } from '../../src/cli/runs/directory.js';
import { type FoundRun, findRuns } from '../../src/cli/runs/find.js';
import { runsPage } from '../../src/cli/runs/page.js';
import { runsCommand } from '../../src/cli/runs.js';
import { lockFile } from '../../src/node/index.js';
import { folder, jsonLines } from './support.js';

const here = folder();
const at = (name: string): string => join(here.path, name);

/** Writes a run as a training does. It ends only with `loss`. */
async function write(name: string, config: object, loss?: number): Promise<RunDirectory> {
  const run = await RunDirectory.begin(at(name), {
    ...{ job: 'language model', data: [], parameters: 100, updates: 3, config, engine: {} },
    ...{ metricsEvery: 1, resumed: null },
  });
  for (let update = 1; update <= 2; update++) {
    await run.add({ kind: 'update', epoch: 1, update, updates: 3, loss: 5 - update, gradientNorm: 1, count: 8 });
    await run.add({ kind: 'validation', epoch: 1, update, loss: 4 - update });
  }
  if (loss === undefined) await run.beforeCheckpoint();
  else await run.end({ status: 'finished', result: { loss, bitsPerCharacter: loss / Math.LN2 }, weights: 'the best' });
  return run;
}

let runs: FoundRun[] = [];
beforeAll(async () => {
  await write('x/low', { text: 'a.txt', lr: 0.1, hiddenSize: 8 }, 1.5);
  await write('x/high', { text: 'a.txt', lr: 0.02, hiddenSize: 8 }, 2.5);
  await write('x/killed', { text: 'a.txt', lr: 0.3, hiddenSize: 8 });
  await write('x/running', { text: 'a.txt', lr: 0.4, hiddenSize: 8 });
  await (await write('x/failed', { text: 'a.txt', lr: 9, hiddenSize: 8 })).fail(new Error('it burns & smokes'));
  await write('x/damaged', {}, 1);
  writeFileSync(at('x/damaged/run.json'), '{"kind":"unsp');
  await write('x/deep/er/lost', {}, 1);
  rmSync(at('x/deep/er/lost/run.json'));
  writeFileSync(at('x/killed/metrics.jsonl'), '{"kind":"valid', { flag: 'a' });
  const unlock = await lockFile(at('x/running/model.safetensors'));
  runs = await findRuns([here.path, at('x/low')]);
  await unlock();
});

const named = (name: string): FoundRun => runs.find(({ path }) => path === at(`x/${name}`))!;

test('each run is found once, with its state', () => {
  const states = Object.fromEntries(runs.map(({ path, state }) => [path.slice(at('x/').length), state]));
  expect(states).toEqual({
    ...{ low: 'finished', high: 'finished', killed: 'killed', running: 'running', failed: 'failed' },
    ...{ damaged: 'broken', 'deep/er/lost': 'broken' },
  });
  expect(runs).toHaveLength(7);
  expect(named('damaged').problem).toMatch(/run\.json: not valid JSON/);
  expect(named('deep/er/lost').problem).toMatch(/run\.json: cannot be read: no such file/);
  expect(named('failed').problem).toContain('it burns');
});

test('a run without a result has the loss of its best validation', () => {
  expect(named('killed')).toMatchObject({ result: { loss: 2 }, updates: 2, planned: 3 });
  expect(named('low').result).toEqual({ loss: 1.5, bitsPerCharacter: 1.5 / Math.LN2 });
});

test('sorted by a figure or a setting, runs without it come last', () => {
  const order = (key: string, descending = false): string[] =>
    sortRuns(runs, key, descending).map(({ path }) => path.slice(at('x/').length));
  expect(order('loss').slice(0, 2)).toEqual(['low', 'failed']);
  expect(order('lr', true).slice(0, 5)).toEqual(['failed', 'running', 'killed', 'low', 'high']);
  for (const descending of [false, true])
    expect(order('loss', descending).slice(-2).sort()).toEqual(['damaged', 'deep/er/lost']);
  expect(() => sortRuns(runs, 'los', false)).toThrow('Did you mean "loss"?');
});

test('the table has the settings that differ, and the page opens from disk', async () => {
  expect(differingSettings(runs)).toEqual(['lr']);
  const { columns, rows } = runsTable([named('low'), named('killed')]);
  expect(columns).toEqual(['run', 'state', 'loss', 'bitsPerCharacter', 'updates', 'time', 'lr']);
  expect(rows.map((row) => row.filter((_, i) => ![0, 5].includes(i)))).toEqual([
    ['finished', '1.5000', '2.1640', '2/3', '0.1'],
    ['killed', '2.0000', '', '2/3', '0.3'],
  ]);
  const page = await runsPage(runs);
  expect(page).toContain('it burns &amp; smokes');
  expect(page).not.toMatch(/<script|<link|src=|@import/);
});

test('the command prints a table, or a line of JSON for each run; no runs are not an error', async () => {
  const print = async (...argv: string[]): Promise<string> => {
    const written: string[] = [];
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const { args, options } = parseCommand(runsCommand, argv);
    const code = await runsCommand.run(args, options).finally(() => spy.mockRestore());
    expect(code).toBe(0);
    return written.join('');
  };
  const text = await print(at('x/low'), at('x/high'), '--sort', 'loss', '--descending', '--html', at('page.html'));
  expect(text).toMatch(/^run .*\n\S+high +finished +2\.5000 .*\n\S+low +finished +1\.5000 /);
  expect(here.read('page.html').toString()).toContain('<!doctype html>');
  const lines = jsonLines(await print(here.path, '--json'));
  expect(lines.map(({ kind }) => kind)).toEqual(lines.map(() => 'run'));
  expect(lines).toHaveLength(7);
  rmSync(at('x'), { recursive: true });
  expect(await print(here.path)).toContain('No runs in');
});
