/** A training that is killed and resumed gives the same bytes as one that is not interrupted. */

import { describe, expect, test } from '@jest/globals';
import { readSafetensors, tensorValues, writeSafetensors } from '../../src/index.js';
import { type Folder, folder, jsonLines, type Running, sampleText, TINY } from './support.js';

const MODEL = 'm.safetensors';
const CHECKPOINT = 'm.checkpoint.safetensors';

/** Updates made when a checkpoint was saved. */
async function updatesIn(at: Folder, file = CHECKPOINT): Promise<number> {
  const [line] = jsonLines(await at.ok('info', file, '--json'));
  return (line!.position as { update: number }).update;
}

const lastUpdate = (running: Running): number =>
  Number([...running.stdout().matchAll(/"update":(\d+),"updates"/g)].at(-1)?.[1] ?? 0);

/** Kills the process at an update after the last checkpoint, so that some updates are made twice. */
async function killed(at: Folder, args: readonly string[], update: number, checkpoint: number): Promise<void> {
  const running = at.startWith(
    { [`"update":${update},`]: `process.kill(process.pid, 'SIGKILL');` },
    'train',
    ...args,
    '--json',
  );
  const { signal } = await running.ended;
  expect({ signal, update: lastUpdate(running) }).toEqual({ signal: 'SIGKILL', update });
  expect(await updatesIn(at)).toBe(checkpoint);
}

/** What Ctrl-C does, at an exact update: a signal from outside may arrive after the training has ended. */
const INTERRUPT = `process.emit('SIGINT');`;

function expectSameFiles(a: Folder, b: Folder): void {
  for (const file of [MODEL, CHECKPOINT]) expect(`${file} ${a.read(file).equals(b.read(file))}`).toBe(`${file} true`);
}

// Each has about 40 updates per epoch.
const CASES: [string, string[]][] = [
  ['one layer, float32', ['--hidden-size', '40', '--batch-size', '8', '--steps', '16']],
  [
    'two layers, float64, momentum',
    ['--layers', '2', '--hidden-size', '12', '--precision', 'float64', '--optimizer', 'sgd'],
  ],
  ['validation in between, no clipping', ['--hidden-size', '32', '--validate-every', '7', '--clip-norm', '0']],
];

describe('SIGKILL', () => {
  test.each(CASES)(
    '%s: killed in the second epoch, the resumed training gives the same files',
    async (_name, settings) => {
      const text = sampleText(settings.includes('16') ? 1500 : 400);
      const [whole, broken] = [folder(text), folder(text)];
      const args = ['text.txt', ...TINY, ...settings, '--epochs', '9', '--checkpoint-every', '10', '--out', MODEL];
      await Promise.all([
        whole.ok('train', ...args, '--max-updates', '90', '--quiet'),
        killed(broken, [...args, '--max-updates', '90'], 65, 60),
      ]);
      expect(broken.has(MODEL)).toBe(false);
      const stdout = await broken.ok('train', '--resume', CHECKPOINT);
      expect(stdout).toMatch(/^Continuing after update 60\.$/m);
      expectSameFiles(broken, whole);
      expect(await updatesIn(broken)).toBe(90);
    },
  );

  test('killed three times, it gives the same files', async () => {
    const [whole, broken] = [folder(sampleText(400)), folder(sampleText(400))];
    const args = [
      'text.txt',
      ...TINY,
      '--hidden-size',
      '32',
      '--max-updates',
      '24',
      '--checkpoint-every',
      '3',
      '--out',
      MODEL,
    ];
    await whole.ok('train', ...args, '--quiet');
    await killed(broken, args, 5, 3);
    for (const from of [3, 6]) await killed(broken, ['--resume', CHECKPOINT], from + 4, from + 3);
    await broken.ok('train', '--resume', CHECKPOINT, '--quiet');
    expectSameFiles(broken, whole);
  });
});

test('20 updates give the same as 10 and 10 more', async () => {
  const [whole, parts] = [folder(), folder()];
  await Promise.all([
    whole.ok('train', 'text.txt', ...TINY, '--out', MODEL, '--max-updates', '20', '--quiet'),
    parts.ok('train', 'text.txt', ...TINY, '--out', MODEL, '--max-updates', '10', '--quiet'),
  ]);
  expect(parts.read(MODEL)).not.toEqual(whole.read(MODEL));
  await parts.ok('train', '--resume', CHECKPOINT, '--max-updates', '20', '--quiet');
  expectSameFiles(parts, whole);
});

describe('an interrupted training', () => {
  test('Ctrl-C saves a checkpoint, prints how to continue, and loses nothing', async () => {
    const [whole, broken] = [folder(), folder()];
    const args = [
      'text.txt',
      ...TINY,
      '--hidden-size',
      '32',
      '--epochs',
      '3',
      '--checkpoint-every',
      '0',
      '--out',
      MODEL,
    ];
    const running = broken.startWith({ 'update 1/': INTERRUPT }, 'train', ...args);
    const [{ code, stdout, stderr }] = await Promise.all([running.ended, whole.ok('train', ...args, '--quiet')]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(
      /\nInterrupted\. The training is saved; continue it with:\n {2}npx unspool train --resume m\.checkpoint/,
    );
    expect(broken.files()).toEqual([CHECKPOINT, 'text.txt']); // no lock, no temporary file
    expect(await updatesIn(broken)).toBeLessThan(await updatesIn(whole));
    await broken.ok('train', '--resume', CHECKPOINT, '--quiet');
    expectSameFiles(broken, whole);
  });

  // A closed terminal sends SIGHUP more than once: the kernel and the shell do.
  test.each([['SIGINT'], ['SIGTERM'], ['SIGHUP'], ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGINT']] as NodeJS.Signals[][])(
    '%s ... from outside saves a checkpoint',
    async (...signals) => {
      const here = folder();
      const args = [
        'train',
        'text.txt',
        ...TINY,
        '--epochs',
        '999',
        '--checkpoint-every',
        '0',
        '--json',
        '--out',
        MODEL,
      ];
      const running = here.start(...args);
      await running.printed(/"update":1,/);
      for (const signal of signals) running.process.kill(signal);
      const { code, stdout } = await running.ended;
      expect(code).toBe(1);
      expect(jsonLines(stdout).at(-1)).toEqual({ kind: 'interrupted', checkpoint: CHECKPOINT });
      expect(here.files()).toEqual([CHECKPOINT, 'text.txt']);
    },
  );
});

describe('changes to a resumed training', () => {
  const here = folder();
  const args = ['text.txt', ...TINY, '--max-updates', '5', '--out', MODEL, '--quiet'];
  const done = here.ok('train', ...args);

  test('its length, learning rate and intervals may change', async () => {
    await done;
    const resume = ['train', '--resume', CHECKPOINT, '--lr', '0.1', '--epochs', '3', '--max-updates', '9'];
    const more = ['--validate-every', '2', '--checkpoint-every', '3', '--json', '--out', 'more.safetensors'];
    const lines = jsonLines(await here.ok(...resume, ...more));
    expect(lines[0]!.settings).toMatchObject({ lr: 0.1, epochs: 3, maxUpdates: 9, hiddenSize: 8 });
    expect(lines.filter(({ kind }) => kind === 'update').map(({ update }) => update)).toEqual([6, 7, 8, 9]);
    expect(lines.filter(({ kind }) => kind === 'validation').map(({ update }) => update)).toEqual([6, 8]);
    expect(await updatesIn(here)).toBe(5); // the new checkpoint is next to --out
    expect(await updatesIn(here, 'more.checkpoint.safetensors')).toBe(9);
  });

  test.each([
    ['--hidden-size', '16'],
    ['--validation-split', '0.2'],
    ['--config', 'c.json'],
  ])('%s is rejected', async (...flag) => {
    await done;
    const before = here.read(CHECKPOINT);
    const { code, stderr } = await here.run('train', '--resume', CHECKPOINT, ...flag);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      new RegExp(`^unspool train: ${flag[0]} cannot (change when you resume|be combined with --resume)`),
    );
    expect(here.read(CHECKPOINT)).toEqual(before);
  });

  test('another text is an error', async () => {
    await done;
    here.write('other.txt', `${sampleText()}!`);
    const { code, stderr } = await here.run('train', 'other.txt', '--resume', CHECKPOINT);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'unspool train: other.txt: this is not the text that the checkpoint was trained on. ' +
        `Name that text: unspool train TEXT --resume ${CHECKPOINT}\n`,
    );
  });

  test('a finished model cannot be resumed', async () => {
    await done;
    const { code, stderr } = await here.run('train', '--resume', MODEL, '--out', 'new.safetensors');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^unspool train: m\.safetensors: this is a finished model without a training state/);
  });

  test('a model that is not an earlier result of the training is replaced with --force only', async () => {
    await done;
    const at = folder();
    at.write(CHECKPOINT, here.read(CHECKPOINT));
    const resume = ['train', 'text.txt', '--resume', CHECKPOINT, '--max-updates', '7', '--quiet'];
    await at.ok(
      'train',
      'text.txt',
      ...TINY,
      '--seed',
      '8',
      '--max-updates',
      '2',
      '--out',
      'other.safetensors',
      '--quiet',
    );
    const others = ['not a model', at.read('other.safetensors')];
    for (const other of others) {
      at.write(MODEL, other);
      expect(await at.run(...resume)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`${MODEL} already exists and is not an earlier result of this training.`),
      });
      expect(at.read(MODEL)).toEqual(Buffer.from(other));
    }
    const elsewhere = await at.run(...resume, '--out', 'other.safetensors');
    expect(elsewhere.stderr).toContain('other.safetensors already exists. Use --force');
    await at.ok(...resume, '--force');
    expect(await updatesIn(at)).toBe(7);
    // The model is now further than the kept checkpoint.
    at.write('kept.checkpoint.safetensors', here.read(CHECKPOINT));
    at.write('kept.safetensors', at.read(MODEL));
    const back = await at.run('train', '--resume', 'kept.checkpoint.safetensors', '--max-updates', '6');
    expect(back).toMatchObject({ code: 2, stderr: expect.stringContaining('not an earlier result') });
  });

  test('the checkpoint of another training is not overwritten', async () => {
    await done;
    const at = folder();
    at.write(CHECKPOINT, here.read(CHECKPOINT));
    at.write('b.checkpoint.safetensors', 'of another training');
    const { code, stderr } = await at.run('train', 'text.txt', '--resume', CHECKPOINT, '--out', 'b.safetensors');
    expect(code).toBe(2);
    expect(stderr).toContain('b.checkpoint.safetensors already exists. Use --force');
    expect(at.read('b.checkpoint.safetensors').toString()).toBe('of another training');
  });

  test('the model cannot replace the text of the checkpoint, whatever its name', async () => {
    await done;
    const resume = ['train', '--resume', CHECKPOINT, '--force', '--out'];
    const before = here.read('text.txt');
    for (const out of ['text.txt', './text.txt', 'sub/../text.txt']) {
      const { code, stderr } = await here.run(...resume, out);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining('would overwrite the text, text.txt'),
      });
    }
    expect(here.read('text.txt')).toEqual(before);
  });

  test('a checkpoint with another name is not overwritten by the model', async () => {
    await done;
    const kept = here.write('kept.safetensors', here.read(CHECKPOINT));
    for (const more of [[], ['--out', kept]]) {
      const { code, stderr } = await here.run('train', '--resume', kept, ...more);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^unspool train: missing --out/);
    }
    expect(here.read('kept.safetensors')).toEqual(here.read(CHECKPOINT));
  });
});

test('a checkpoint of another arithmetic can be resumed, with a warning that the last digits will differ', async () => {
  const here = folder();
  await here.ok('train', 'text.txt', ...TINY, '--max-updates', '4', '--out', MODEL, '--quiet');
  const file = readSafetensors(here.read(CHECKPOINT));
  const tensors = [...file.tensors.values()].map((t) => ({ name: t.name, shape: t.shape, data: tensorValues(t) }));
  const facts = { ...JSON.parse(file.metadata.get('metadata')!), arithmetic: 'an abacus' };
  const metadata = { ...Object.fromEntries(file.metadata), metadata: JSON.stringify(facts) };
  here.write('other.checkpoint.safetensors', writeSafetensors(tensors, metadata));
  const other = await here.run('train', '--resume', 'other.checkpoint.safetensors', '--max-updates', '6');
  expect(other.code).toBe(0);
  expect(other.stderr).toMatch(/computed by an abacus, this is \w.*: the last digits will differ/);
  const own = await here.run('train', '--resume', CHECKPOINT, '--max-updates', '6', '--force');
  expect(own).toMatchObject({ code: 0, stderr: '' });
});

describe('regularized, by a config file', () => {
  const config = {
    dropout: 0.3,
    optimizer: {
      kind: 'grouped',
      groups: [{ match: '*.bias*', optimizer: { kind: 'sgd', learningRate: 0.1, momentum: 0.9 } }],
      rest: { kind: 'adamW', learningRate: 0.01 },
    },
    schedule: {
      kind: 'chain',
      parts: [
        { steps: 6, schedule: { kind: 'linearWarmup', steps: 6 } },
        { schedule: { kind: 'cosineRestarts', first: 9 } },
      ],
    },
    average: { kind: 'ema', decay: 0.9 },
    patience: 40,
    validateEvery: 5,
    lstm: { zoneout: 0.1, dropConnect: 0.2 },
  };
  const args = ['text.txt', ...TINY, '--hidden-size', '32', '--config', 'config.json', '--epochs', '2', '--out', MODEL];

  test('interrupted and resumed, it gives the same files', async () => {
    const [whole, broken] = [folder(), folder()];
    for (const here of [whole, broken]) here.write('config.json', JSON.stringify(config));
    const running = broken.startWith({ '"update":7,': INTERRUPT }, 'train', ...args, '--json');
    const [{ code, stdout, stderr }] = await Promise.all([running.ended, whole.ok('train', ...args, '--quiet')]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(jsonLines(stdout).at(-1)).toEqual({ kind: 'interrupted', checkpoint: CHECKPOINT });
    expect(await updatesIn(broken)).toBeLessThan(await updatesIn(whole));
    await broken.ok('train', '--resume', CHECKPOINT, '--quiet');
    expectSameFiles(broken, whole);
    const kept = ['velocity', 'm', 'v', 'average', 'best', 'weights'].map((name) => `training.optimizer.${name}`);
    expect([...readSafetensors(whole.read(CHECKPOINT)).tensors.keys()]).toEqual(expect.arrayContaining(kept));
  });

  test('each setting changes the result', async () => {
    const lastLoss = async (settings: object) => {
      const here = folder();
      here.write('config.json', JSON.stringify(settings));
      const lines = jsonLines(await here.ok('train', ...args, '--max-updates', '12', '--json'));
      return lines.filter(({ kind }) => kind === 'update').at(-1)!.loss;
    };
    const without = (['dropout', 'optimizer', 'schedule', 'lstm'] as const).map((key) => ({
      ...config,
      [key]: undefined,
    }));
    expect(new Set(await Promise.all([config, ...without].map(lastLoss))).size).toBe(5);
  });

  test('--patience ends the training and keeps the best weights, and --dropout is in the model', async () => {
    const here = folder();
    const flags = ['--patience', '2', '--dropout', '0.25', '--lr', '2', '--validate-every', '4', '--epochs', '99'];
    const lines = jsonLines(await here.ok('train', 'text.txt', ...TINY, ...flags, '--out', MODEL, '--json'));
    expect(lines.find(({ kind }) => kind === 'end')).toMatchObject({ reason: 'stoppedEarly' });
    const measured = lines.filter(({ kind }) => kind === 'validation').map(({ loss }) => loss as number);
    expect(measured.length).toBeGreaterThan(2);
    expect(lines.at(-1)!.validationLoss).toBe(Math.min(...measured));
    const [info] = jsonLines(await here.ok('info', MODEL, '--json'));
    expect(JSON.stringify(info)).toContain('{"kind":"dropout","rate":0.25}');
  });

  test('--patience without validation text is an error', async () => {
    const here = folder();
    const { code, stderr } = await here.run('train', 'text.txt', ...TINY, '--patience', '2', '--validation-split', '0');
    expect(code).toBe(2);
    expect(stderr).toMatch(/earlyStopping needs validation data/);
  });
});

test('--backend auto measures the backends again when a training is resumed, and prints the times', async () => {
  const here = folder();
  const args = ['train', 'text.txt', ...TINY, '--backend', 'auto', '--out', MODEL];
  const begun = await here.ok(...args, '--max-updates', '3');
  const resumed = await here.ok('train', '--resume', CHECKPOINT, '--backend', 'auto', '--max-updates', '5', '--force');
  for (const output of [begun, resumed]) {
    expect(output).toMatch(/^ {2}wasm: [\d.]+ ms per update$/m);
    expect(output).toMatch(/^ {2}unavailable: backend gpu:webgl2.+$/m);
  }
  expect(resumed).toMatch(/^Continuing after update 3\.$/m);
  const byName = await here.run(
    'train',
    '--resume',
    CHECKPOINT,
    '--backend',
    'gpu:webgl2',
    '--max-updates',
    '7',
    '--force',
  );
  expect(byName.code).toBe(2); // a backend by name has no fallback
});
