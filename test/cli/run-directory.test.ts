/** Run directories: what `unspool train` writes, that nothing is overwritten, and that a kill leaves no trace. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseCommand } from '../../src/cli/parse.js';
import { claimRunDirectory, modelFileOf } from '../../src/cli/runs/files.js';
import { lineOf, linesBefore, linesIn, type MetricsLine } from '../../src/cli/runs/metrics.js';
import type { RunRecord } from '../../src/cli/runs/record.js';
import { trainCommand } from '../../src/cli/train.js';
import { adam, createModel, fit, type TrainingState, textStreams } from '../../src/index.js';
import { type Folder, folder, sampleText, TINY_SIZES } from './support.js';

const FILES = [
  ...['config.json', 'metrics.jsonl', 'model.checkpoint.safetensors', 'model.safetensors', 'plot.svg', 'run.json'],
];

const json = (at: Folder, file: string): Record<string, unknown> => JSON.parse(at.read(file).toString());
const metricsOf = (at: Folder, run: string): MetricsLine[] => linesIn(at.read(`${run}/metrics.jsonl`).toString());

/** Runs the command in this process. Paths are those in the folder. */
async function train(here: Folder, ...argv: string[]): Promise<number> {
  const text = join(here.path, 'text.txt');
  const { args, options } = parseCommand(trainCommand, [
    text,
    ...TINY_SIZES,
    '--backend',
    'reference',
    '--quiet',
    ...argv,
  ]);
  return trainCommand.run(args, options);
}

describe('a new run', () => {
  const here = folder(sampleText(300));
  const at = (name: string): string => join(here.path, name);
  const done = train(here, '--max-updates', '12', '--validate-every', '5', '--run', at('a'));

  test('has all files, with the losses of all updates and validations', async () => {
    expect(await done).toBe(0);
    expect(readdirSync(at('a')).sort()).toEqual(FILES.filter((name) => name !== 'plot.svg')); // Jest cannot load Plot
    const lines = metricsOf(here, 'a');
    expect(lines.filter(({ kind }) => kind === 'update').map(({ update }) => update)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    expect(lines.filter(({ kind }) => kind === 'validation').map(({ update }) => update)).toEqual([5, 10]);
    const record = json(here, 'a/run.json');
    expect(record).toMatchObject({ job: 'language model', status: 'finished', updates: 12 });
    expect(record.sessions).toMatchObject([{ from: 0, to: 12, machine: { unspool: expect.any(String) } }]);
  });

  test('config.json repeats it, in another directory, with the same bytes', async () => {
    await done;
    const { args, options } = parseCommand(trainCommand, [
      '--config',
      at('a/config.json'),
      '--run',
      at('b'),
      '--quiet',
    ]);
    expect(await trainCommand.run(args, options)).toBe(0);
    for (const file of ['config.json', 'metrics.jsonl', 'model.checkpoint.safetensors', 'model.safetensors']) {
      expect(`${file} ${here.read(`b/${file}`).equals(here.read(`a/${file}`))}`).toBe(`${file} true`);
    }
  });

  test('a run directory can be used as MODEL', async () => {
    await done;
    expect(await modelFileOf(at('a'))).toBe(at('a/model.safetensors'));
    expect(await modelFileOf(at('text.txt'))).toBe(at('text.txt'));
  });

  test('nothing is overwritten, and a run that cannot begin leaves no folder', async () => {
    await done;
    const before = here.read('a/run.json');
    await expect(train(here, '--run', at('a'), '--force')).rejects.toThrow('a run is never overwritten');
    expect(here.read('a/run.json')).toEqual(before);
    await expect(train(here, '--run', at('c'), '--out', at('d'))).rejects.toThrow(
      '--run cannot be combined with --out.',
    );
    await expect(train(here, '--hidden-size', '1000000', '--run', at('large'))).rejects.toThrow('needs at least');
    expect(here.has('large')).toBe(false);
  });

  test('without --run, it is named after the text, with a number if that exists', async () => {
    const was = process.cwd();
    process.chdir(here.path);
    try {
      expect(await claimRunDirectory(undefined, 'some/novel.txt')).toBe(join('runs', 'novel'));
      expect(await claimRunDirectory(undefined, 'novel.md')).toBe(join('runs', 'novel-2'));
    } finally {
      process.chdir(was);
    }
  });
});

test('killed and resumed, a run ends with the same bytes, and its metrics have no duplicates', async () => {
  const [whole, broken] = [folder(sampleText(300)), folder(sampleText(300))];
  const args = ['text.txt', ...TINY_SIZES, '--max-updates', '90', '--epochs', '9', '--validate-every', '7'];
  const begin = ['train', ...args, '--checkpoint-every', '10', '--run', 'r', '--json'];
  const running = broken.startWith({ '"update":66,': `process.kill(process.pid, 'SIGKILL');` }, ...begin);
  const [{ signal }, printed] = await Promise.all([running.ended, whole.ok(...begin.slice(0, -1))]);
  expect(signal).toBe('SIGKILL');
  expect(printed.trimEnd().split('\n').at(-1)).toMatch(/^Saved r\. It has the best weights, /);
  expect(broken.has('r/model.safetensors')).toBe(false);
  await expect(modelFileOf(join(broken.path, 'r'))).rejects.toThrow('has no model yet: its training has not finished.');
  writeFileSync(join(broken.path, 'r/metrics.jsonl'), '{"kind":"upd', { flag: 'a' }); // what a kill within a write leaves
  await broken.ok('train', '--resume', 'r', '--quiet');
  for (const file of FILES.filter((name) => name !== 'run.json')) {
    expect(`${file} ${broken.read(`r/${file}`).equals(whole.read(`r/${file}`))}`).toBe(`${file} true`);
  }
  expect(json(broken, 'r/run.json')).toMatchObject({
    status: 'finished',
    sessions: [{ to: 60 }, { from: 60, to: 90 }],
  });
  expect(whole.read('r/plot.svg').toString()).toMatch(/^<svg xmlns=.*>validation<\/text><\/svg>\n$/s);
  expect(json(broken, 'r/run.json').result).toEqual(json(whole, 'r/run.json').result);
});

test('the metrics before any checkpoint, and those of the training resumed from it, are the metrics of the whole', async () => {
  const data = textStreams(sampleText(40), { batchSize: 2, steps: 8, validationSplit: 0.3 });
  const { size } = data.vocabulary;
  const layers = [
    ...([{ kind: 'embedding', size, width: 2 }] as const),
    ...([
      { kind: 'lstm', hiddenSize: 3 },
      { kind: 'linear', size },
    ] as const),
  ];
  const options = { optimizer: adam(), epochs: 2, validateEvery: 3, earlyStopping: { patience: 99 } };
  const model = await createModel({ seed: 2, layers }, { backend: 'reference' });
  const { kernels, parameters } = model;
  const all: MetricsLine[] = [];
  const states: [TrainingState, Float32Array][] = [];
  const training = fit(model, data, options);
  for await (const event of training) {
    const line = lineOf(event, 1);
    if (line) all.push(JSON.parse(JSON.stringify(line)) as MetricsLine);
    states.push([await training.checkpoint(), (await kernels.download(parameters.read())) as Float32Array]);
  }
  expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(['update', 'validation', 'epoch']));
  for (const [state, weights] of states) {
    kernels.upload(parameters.write(), weights);
    const resumed: MetricsLine[] = [];
    for await (const event of fit(model, data, options, state)) {
      const line = lineOf(event, 1);
      if (line) resumed.push(line);
    }
    expect([...linesBefore(all, state), ...resumed]).toEqual(all);
  }
});

describe('the weights that a model ends with', () => {
  const here = folder(sampleText(200));
  const run = async (name: string, ...flags: string[]) => {
    expect(await train(here, ...flags, '--run', join(here.path, name))).toBe(0);
    const validations = metricsOf(here, name).filter(({ kind }) => kind === 'validation');
    const best = validations.reduce((a, b) => ((b.loss as number) < (a.loss as number) ? b : a), validations[0]!);
    return { best, record: json(here, `${name}/run.json`) as unknown as RunRecord };
  };

  test('are the best by default: the loss of the model is the lowest of all validations', async () => {
    const rising = ['--lr', '0.5', '--validate-every', '4', '--epochs', '2'];
    const { best, record } = await run('rising', ...rising);
    expect(best.update).toBeLessThan(record.updates - 4); // the loss rises afterwards
    expect(record.result!.loss).toBe(best.loss);
    expect(record.weights).toBe(`the best weights, of update ${best.update} of ${record.updates}`);
    const last = await run('risen', ...rising, '--keep', 'last');
    expect(last.record.weights).toBe(`the last weights, of the last update, ${record.updates}`);
    expect(last.record.result!.loss).toBeGreaterThan(best.loss as number);
  });

  test('are the last ones if these are better than the best validation, also of an average', async () => {
    here.write('ema.json', JSON.stringify({ average: { kind: 'ema', decay: 0.5 } }));
    const falling = ['--lr', '0.01', '--validate-every', '13', '--max-updates', '20'];
    const flags = [...falling, '--config', join(here.path, 'ema.json')];
    const [best, last] = [await run('falling', ...flags), await run('fallen', ...flags, '--keep', 'last')];
    expect(best.record).toMatchObject({
      weights: 'the best weights, those of the last update, 20',
      result: last.record.result,
    });
    expect(best.record.result!.loss).toBeLessThan(best.best.loss as number);
  });

  test('without validation text, the best are not known', async () => {
    mkdirSync(join(here.path, 'empty'));
    const { record } = await run('empty', '--max-updates', '2', '--validation-split', '0');
    expect(record.weights).toBe(
      'the weights of the last update, 2: without validation text, the best ones are not known',
    );
  });
});
