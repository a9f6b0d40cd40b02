/** What a command does with its process, in this one: signals, failed writes, the files that it may write, backends. */
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { infoCommand } from '../../src/cli/info.js';
import { isSameFile, requirePlace, requireSeparate, saveReport } from '../../src/cli/paths.js';
import { runtimeOf } from '../../src/cli/runtime.js';
import { requireNew, saveFiles } from '../../src/cli/save-files.js';
import { stopOnSignal } from '../../src/cli/signals.js';
import { watchOutput } from '../../src/cli/streams.js';
import { backendOf, moveToFastest, placeOf } from '../../src/cli/train/backend.js';
import { optimizerOf } from '../../src/cli/train/rules.js';
import { createModel, describeBackend, serializeModel } from '../../src/index.js';
import { runHere, temporaryFolder } from './in-process.js';

const here = temporaryFolder();
afterEach(() => void jest.restoreAllMocks());

describe('signals', () => {
  const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGXCPU', 'SIGBREAK'] as const;
  const counts = () => SIGNALS.map((signal) => process.listenerCount(signal));

  test.each(SIGNALS)('%s ends a command, which leaves no listener', (signal) => {
    const before = counts();
    const stop = new AbortController();
    const release = stopOnSignal(stop);
    expect(counts()).toEqual(before.map((count) => count + 1));
    expect(stop.signal.aborted).toBe(false);
    process.emit(signal, signal);
    expect(stop.signal.aborted).toBe(true);
    release();
    expect(counts()).toEqual(before);
  });

  test('a second Ctrl-C ends the process if it is another key, other signals do not', () => {
    let now = 5000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const exit = jest.spyOn(process, 'exit').mockImplementation((() => {}) as never);
    const stop = new AbortController();
    const release = stopOnSignal(stop);
    process.emit('SIGINT', 'SIGINT');
    for (const [after, signal] of [
      [300, 'SIGINT'],
      [1000, 'SIGTERM'],
      [1000, 'SIGHUP'],
    ] as const) {
      now = 5000 + after;
      process.emit(signal, signal);
    }
    expect(exit).not.toHaveBeenCalled();
    now = 5301;
    process.emit('SIGINT', 'SIGINT');
    expect(exit).toHaveBeenCalledWith(1);
    release();
  });

  test('a signal that the system does not have is left out', () => {
    const on = process.on.bind(process);
    jest.spyOn(process, 'on').mockImplementation(((signal: NodeJS.Signals, listener: () => void) => {
      if (signal === 'SIGHUP') throw new Error('unknown signal');
      return on(signal, listener);
    }) as never);
    const before = counts();
    const release = stopOnSignal(new AbortController());
    expect(counts()).toEqual(before.map((count, i) => count + (SIGNALS[i] === 'SIGHUP' ? 0 : 1)));
    release();
    expect(counts()).toEqual(before);
  });
});

describe('a failed write', () => {
  /** Watches the output while `act` runs with it; every write fails with these codes, as an event or an exception. */
  async function watched(codes: readonly string[], { throws = false, continues = false, isTTY = false } = {}) {
    const { stdout, stderr } = process;
    const original = [stdout.write, stderr.write, stdout.isTTY] as const;
    const listeners = [stdout.listeners('error'), stderr.listeners('error')] as const;
    let message = '';
    const exits: number[] = [];
    jest.spyOn(process, 'exit').mockImplementation(((code: number) => void exits.push(code)) as never);
    const errorOf = (code: string) => Object.assign(new Error(code), code === '' ? {} : { code });
    stderr.write = ((text: string) => {
      message += text;
      return true;
    }) as never;
    let next = 0;
    stdout.write = (() => {
      const error = errorOf(codes[next++]!);
      if (throws) throw error;
      stdout.emit('error', error);
      return true;
    }) as never;
    stdout.isTTY = isTTY;
    try {
      const watch = watchOutput();
      if (continues) watch.continueAnyway();
      const results = codes.map(() => stdout.write('text'));
      stderr.emit('error', errorOf('EPIPE')); // has no effect
      return { results, exits, message, failed: await watch.finish() };
    } finally {
      [stdout.write, stderr.write, stdout.isTTY] = original;
      for (const [i, stream] of [stdout, stderr].entries())
        for (const listener of stream.listeners('error'))
          if (!listeners[i]!.includes(listener)) stream.off('error', listener as () => void);
    }
  }

  test.each(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED'])('%s: the reader has gone, which is fine', async (code) => {
    expect(await watched([code])).toEqual({ results: [true], exits: [0], message: '', failed: false });
    expect(await watched([code], { continues: true })).toMatchObject({ exits: [], message: '', failed: false });
  });

  test('EIO is a closed terminal, or a broken disk', async () => {
    expect(await watched(['EIO'], { isTTY: true })).toMatchObject({ exits: [0], message: '', failed: false });
    const message = 'unspool: cannot write the output: EIO.\n';
    expect(await watched(['EIO'])).toMatchObject({ exits: [1], message, failed: true });
  });

  test('is reported once, and ends the command unless it also saves files', async () => {
    const full = 'unspool: cannot write the output: the disk is full (ENOSPC).';
    expect(await watched(['ENOSPC', 'ENOSPC'])).toMatchObject({ exits: [1, 1], message: `${full}\n`, failed: true });
    expect(await watched(['ENOSPC', 'ENOSPC'], { continues: true })).toMatchObject({
      ...{ exits: [], message: `${full} The command continues, because it also saves files.\n`, failed: true },
    });
    const { message } = await watched(['EDQUOT']);
    expect(message).toBe('unspool: cannot write the output: the disk is full (EDQUOT).\n');
    expect((await watched([''])).message).toBe('unspool: cannot write the output: unknown error.\n');
  });

  test('may be an exception', async () => {
    expect(await watched(['ENOSPC'], { throws: true })).toMatchObject({ results: [false], exits: [1], failed: true });
    expect(await watched([])).toEqual({ results: [], exits: [], message: '', failed: false });
  });
});

describe('files', () => {
  const [text, other] = [here.write('text', 'a'), here.write('other', 'b')];
  symlinkSync(text, here.at('link'));
  linkSync(text, here.at('hard'));

  test('are the same under any name', async () => {
    for (const name of ['text', 'link', 'hard']) expect(await isSameFile(text, here.at(name))).toBe(true);
    expect(await isSameFile(text, other)).toBe(false);
    expect(await isSameFile(here.at('none'), here.at('none'))).toBe(false);
    expect(await isSameFile(text, here.at('none'))).toBe(false);
  });

  test('that a command reads are not overwritten', async () => {
    const [link, none] = [here.at('link'), here.at('none')];
    await requireSeparate(
      [
        ['--out', other],
        ['--csv', undefined],
      ],
      [
        ['the text', text],
        ['the config', undefined],
      ],
    );
    await requireSeparate([['--out', none]], [['the text', none]]);
    await expect(
      requireSeparate(
        [
          ['--csv', other],
          ['--out', text],
        ],
        [['the text', text]],
      ),
    ).rejects.toThrow(`--out would overwrite the text, ${text}. Choose another place.`);
    await expect(
      requireSeparate(
        [['--out', link]],
        [
          ['the model', other],
          ['the text', text],
        ],
      ),
    ).rejects.toThrow(`--out would overwrite the text, ${text}, which is ${link}. Choose another place.`);
  });

  test('that are reports replace reports, but no model, folder or input', async () => {
    await saveReport('--out', here.at('page'), 'ä');
    await saveReport('--out', here.at('page'), 'two');
    expect(here.read('page').toString()).toBe('two');
    await saveReport('--out', here.at('bytes'), Uint8Array.of(1, 2));
    expect([...here.read('bytes')]).toEqual([1, 2]);
    mkdirSync(here.at('folder'));
    await expect(saveReport('--out', here.at('folder'), 'x')).rejects.toThrow('EISDIR');
    await expect(saveReport('--out', text, 'x', [['the text', text]])).rejects.toThrow('would overwrite the text');
    const model = await createModel(
      { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1 }] },
      { backend: 'reference' },
    );
    const file = here.write('model', await serializeModel(model));
    model.dispose();
    await expect(requirePlace('--plot', file, [])).rejects.toThrow(
      `--plot would overwrite a model, ${file}. Choose another place.`,
    );
    await requirePlace('--plot', here.at('new'), []);
    expect(here.read('text').toString()).toBe('a');
  });

  test('that exist are replaced only with force, and are listed with their sizes', async () => {
    const [printed, records]: [string[], object[]] = [[], []];
    const out = { print: (line: string) => printed.push(line), record: (one: object) => records.push(one) } as never;
    const [first, second] = [here.at('first'), here.at('second')];
    const files = [
      { file: first, content: 'ä'.repeat(600) },
      { file: second, content: new Uint8Array(3) },
    ];
    await requireNew([first, second], ['the model', text], false);
    await saveFiles(out, files, false);
    expect(printed).toEqual([`${first}  1,200 bytes`, `${second}  3 bytes`]);
    expect(records).toEqual([
      { kind: 'file', file: first, bytes: 1200 },
      { kind: 'file', file: second, bytes: 3 },
    ]);
    const exists = (file: string) => `${file} already exists. Use --force to overwrite it, or another --out.`;
    await expect(requireNew([here.at('new'), second], ['the model', text], false)).rejects.toThrow(exists(second));
    await requireNew([first, second], ['the model', text], true);
    await expect(requireNew([text], ['the model', text], true)).rejects.toThrow('--out would overwrite the model');
    await expect(saveFiles(out, files, false)).rejects.toThrow(exists(first)); // made by another process in the meantime
    await saveFiles(out, [{ file: first, content: 'x' }], true);
    expect(here.read('first').toString()).toBe('x');
    await expect(saveFiles(out, [{ file: here.at('folder'), content: 'x' }], true)).rejects.toThrow('EISDIR');
  });
});

describe('backends', () => {
  test('are the ones of the flags', () => {
    expect(backendOf({ backend: undefined, threads: undefined })).toEqual({ threads: 'auto' });
    expect(backendOf({ backend: 'wasm', threads: 3 })).toEqual({ threads: 3, backend: 'wasm' });
    expect(placeOf({ backend: 'wasm', threads: 3 }, 'float64')).toEqual({
      threads: 3,
      backend: 'wasm',
      precision: 'float64',
    });
    expect(placeOf({ backend: undefined, threads: 1 }, undefined)).toEqual({ threads: 1 });
    expect(optimizerOf('sgd', 0.3).spec).toMatchObject({ kind: 'sgd', learningRate: 0.3, momentum: 0.9 });
    expect(optimizerOf('adam', 0.3).spec).toMatchObject({ kind: 'adam', learningRate: 0.3 });
    expect(optimizerOf({ kind: 'sgd', learningRate: 0.1 }, 0.3).spec).toMatchObject({ learningRate: 0.1, momentum: 0 });
  });

  test('a training moves only with "auto" and float32', async () => {
    const move = (precision: string, backend: string | undefined) => {
      const model = { kernels: { precision } };
      const moved = moveToFastest({ model } as never, 'none', {} as never, { backend, threads: 1 });
      return moved.then((one) => (one as unknown) === model);
    };
    expect(await move('float64', 'auto')).toBe(true);
    expect(await move('float32', 'wasm')).toBe(true);
    expect(await move('float32', undefined)).toBe(true);
  });

  test('of this machine are listed', async () => {
    const printed = (await runHere(infoCommand)).trimEnd().split('\n');
    const { name, engine } = runtimeOf();
    expect(printed[0]).toBe(`${name}, ${engine}, ${process.platform} ${process.arch}`);
    const lineOf = (precision: 'float32' | 'float64') => {
      const { backend, variant, threads } = describeBackend({ precision, threads: 'auto' });
      return `${precision}  ${backend}${variant ? ` (${variant})` : ''}, ${threads} thread${threads > 1 ? 's' : ''}`;
    };
    expect(printed.filter((line) => line.startsWith('float'))).toEqual([lineOf('float32'), lineOf('float64')]);
    const record = JSON.parse(await runHere(infoCommand, '--json'));
    expect(record).toMatchObject({
      kind: 'machine',
      runtime: { name, engine },
      backends: [{ precision: 'float32' }, {}],
    });
    expect(runtimeOf({ bun: '1.2', node: '24', v8: '1' })).toEqual({ name: 'Bun 1.2', engine: 'JavaScriptCore' });
    expect(runtimeOf({ deno: '2.1', node: '24', v8: '13' })).toEqual({ name: 'Deno 2.1', engine: 'V8 13' });
    expect(runtimeOf({ node: '24', v8: '13' })).toEqual({ name: 'Node 24', engine: 'V8 13' });
  });
});
