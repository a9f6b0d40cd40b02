/** What a training reads: the task that data are for, folders and tables of samples, and settings from flags, files and checkpoints. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { hashesOf, labelTaskOf, readData, readSource, readSources, type TaskFlags } from '../../src/cli/labels/read.js';
import { LABEL_CONFIG } from '../../src/cli/labels/settings.js';
import { baselineTable } from '../../src/cli/train/baselines.js';
import { isSameTraining, readConfiguration, resumedSettings } from '../../src/cli/train/read-settings.js';
import { DEFAULTS } from '../../src/cli/train/settings.js';
import { requireResumable, taskSettings } from '../../src/cli/train/task-flags.js';
import type { Table } from '../../src/tasks/index.js';
import { temporaryFolder } from './in-process.js';

const here = temporaryFolder();
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A folder with these files; a name with a slash is in a folder. */
function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(here.at(name));
  for (const path of Object.keys(files)) {
    if (path.includes('/')) mkdirSync(here.at(`${name}/${path.split('/')[0]}`), { recursive: true });
    here.write(`${name}/${path}`, files[path]!);
  }
  return here.at(name);
}
const classFiles = folderOf('files', { 'no.txt': 'c\nd', 'yes.txt': 'a\nb\n', '.hidden': 'x' });
const classFolders = folderOf('folders', { 'yes/2': ' b \n', 'yes/1': 'a', 'no/1': 'c', 'ignored.txt': 'd' });

describe('samples in a folder', () => {
  test('have one file or one folder for each class, by name', async () => {
    const of = async (folder: string) => {
      const table = (await readSource(folder, { isPlain: false })) as Table;
      return [table.columns, table.strings('text'), table.strings('label')];
    };
    expect(await of(classFiles)).toEqual([
      ['text', 'label'],
      ['c', 'd', 'a', 'b'],
      ['no', 'no', 'yes', 'yes'],
    ]);
    expect(await of(classFolders)).toEqual([
      ['text', 'label'],
      ['c', 'a', 'b'],
      ['no', 'yes', 'yes'],
    ]);
  });

  test('must be there', async () => {
    const empty = folderOf('empty', { '.hidden': 'x' });
    await expect(readSource(empty, { isPlain: false })).rejects.toThrow(
      `${empty}: the folder is empty. Write one text file per class into it.`,
    );
    const half = folderOf('half', { 'yes/1': 'a' });
    mkdirSync(here.at('half/no'));
    await expect(readSource(half, { isPlain: false })).rejects.toThrow(
      `${here.at('half/no')}: the folder is empty. Write one text file per sample of the class "no".`,
    );
  });

  test('have the hash of their texts and classes', async () => {
    const read = await readSources('classification', classFolders, { label: 'label' } as never);
    expect(read).toMatchObject({ files: [], test: undefined, settings: { text: 'text', label: 'label' } });
    expect(await hashesOf(classFolders, read)).toEqual([
      {
        file: classFolders,
        sha256: sha(
          JSON.stringify([
            ['c', 'a', 'b'],
            ['no', 'yes', 'yes'],
          ]),
        ),
      },
    ]);
    const testFile = here.write('test.csv', 'text,label\na,yes\n');
    const both = await readSources('classification', classFolders, { label: 'label', testFile } as never);
    expect([both.files, both.test!.strings('text')]).toEqual([[testFile], ['a']]);
    expect((await hashesOf(classFolders, both)).map(({ file }) => file)).toEqual([classFolders, testFile]);
  });
});

describe('the task', () => {
  const rows = (texts: number, labels: number) =>
    `t,k\n${Array.from({ length: texts }, (_, i) => `text ${i},${'abcdef'[i % labels]}`).join('\n')}`;
  const five = here.write('five.csv', rows(10, 2)); // five rows for each label
  const four = here.write('four.csv', rows(9, 2));
  const of = (file: string | undefined, flags: TaskFlags = {}) => labelTaskOf(file, flags);

  test('is the one of the flags, or of the configuration', async () => {
    const config = (text: string) => here.write(`c${text.length}.json`, text);
    const cases: [string | undefined, TaskFlags, string | null][] = [
      [undefined, { task: 'tagging' }, 'tagging'],
      [undefined, { task: 'classification' }, 'classification'],
      [five, { task: 'forecasting' }, null],
      [five, { target: 'y', label: 'k' }, null],
      [five, { asText: true }, null],
      [four, { label: 'k', tags: 'g' }, 'classification'],
      [four, { tags: 'g' }, 'tagging'],
      [five, { config: config('{"task":"tagging"}') }, 'tagging'],
      [five, { config: config('{"task": "forecasting"}') }, null],
      [five, { config: config('[1]') }, null],
      [five, { config: config('{') }, null],
      [five, { config: here.at('none.json') }, null],
      [undefined, {}, null],
    ];
    for (const [file, flags, task] of cases) expect([flags, await of(file, flags)]).toEqual([flags, task]);
  });

  test('is classification for a folder, and for a table of texts with at least five for each class', async () => {
    expect(await of(classFiles)).toBe('classification');
    expect(await of(here.at('none'))).toBeNull();
    expect(await of(five)).toBe('classification');
    expect(await of(four)).toBeNull();
    expect(await of(here.write('five.txt', rows(10, 2)))).toBeNull();
    expect(await of(here.write('other.tsv', rows(10, 2).replaceAll(',', '\t')))).toBe('classification');
    const table = (name: string, text: string) => of(here.write(name, text));
    expect(await table('reversed.csv', rows(10, 2).replace(/^(.*),(.*)$/gm, '$2,$1'))).toBe('classification');
    expect(await table('one.csv', rows(10, 1))).toBeNull(); // one class
    expect(await table('three.csv', rows(10, 2).replace(/$/gm, ',z'))).toBeNull();
    expect(await table('numbers.csv', rows(10, 2).replaceAll('text ', ''))).toBeNull(); // a column to forecast
    expect(await table('missing.csv', rows(10, 2).replace(/a$/m, ''))).toBeNull();
    expect(await table('broken.csv', 't,k\n"a')).toBeNull();
  });

  test('needs its columns', async () => {
    const read = (task: 'classification' | 'tagging', file: string, given: object) =>
      readSources(task, file, given as never);
    expect((await read('classification', five, {})).settings).toEqual({ text: 't', label: 'k' });
    expect((await read('classification', four, { label: 'k' })).settings).toEqual({ text: 't', label: 'k' });
    expect((await read('classification', four, { label: 'k', values: ['x'] })).settings).toEqual({
      label: 'k',
      values: ['x'],
    });
    await expect(read('classification', four, {})).rejects.toThrow(`missing --label: the columns of ${four} are t, k.`);
    await expect(read('tagging', four, {})).rejects.toThrow(`missing --tags: the columns of ${four} are t, k.`);
    await expect(read('classification', four, { label: 'l' })).rejects.toThrow('"l"');
    const three = here.write('columns.csv', 't,u,k\na,b,x\n');
    await expect(read('classification', three, { label: 'k' })).rejects.toThrow(
      `missing --text or --values: the columns of ${three} are t, u, k.`,
    );
    const plain = here.write('plain.txt', 'ab c '.repeat(80));
    const { source, files, settings } = await read('tagging', plain, { length: 6 });
    expect([typeof source, files, settings]).toEqual(['string', [plain], { length: 6 }]);
    expect(await hashesOf(plain, await read('tagging', plain, {}))).toEqual([
      { file: plain, sha256: sha('ab c '.repeat(80)) },
    ]);
    expect((await readData('tagging', plain, { length: 6 } as never)).data.pipeline.isPlain).toBe(true);
  });
});

describe('settings', () => {
  test('are those of the flags, then of the file, then the defaults', async () => {
    const file = here.write(
      'train.json',
      JSON.stringify({ text: 'a.txt', asText: true, stream: true, backend: 'wasm', threads: 2, lr: 0.1, steps: 7 }),
    );
    const none = { config: undefined, asText: false, stream: false, backend: undefined, threads: undefined };
    expect(await readConfiguration([], none)).toEqual({
      settings: DEFAULTS,
      text: undefined,
      asText: false,
      stream: false,
      backend: undefined,
      threads: undefined,
    });
    expect(await readConfiguration([], { ...none, config: file })).toEqual({
      settings: { ...DEFAULTS, lr: 0.1, steps: 7 },
      ...{ text: 'a.txt', asText: true, stream: true, backend: 'wasm', threads: 2 },
    });
    const flags = {
      config: file,
      asText: false,
      stream: false,
      backend: 'reference',
      threads: 1,
      lr: 0.2,
      hiddenSize: 9,
      quiet: true,
    };
    expect(await readConfiguration(['b.txt'], flags)).toEqual({
      settings: { ...DEFAULTS, lr: 0.2, steps: 7, hiddenSize: 9 },
      ...{ text: 'b.txt', asText: true, stream: true, backend: 'reference', threads: 1 },
    });
    expect(await readConfiguration([], { ...none, asText: true, stream: true })).toMatchObject({
      asText: true,
      stream: true,
    });
  });

  test('of a checkpoint are kept, but for those that may change', () => {
    const saved = { ...DEFAULTS, hiddenSize: 5, epochs: 3 };
    const of = (settings: object, options: object = {}) => resumedSettings('f', { settings } as never, options);
    expect(of(saved)).toEqual(saved);
    expect(of(saved, { epochs: 9, quiet: true })).toEqual({ ...saved, epochs: 9 });
    expect(() => of(saved, { hiddenSize: 6 })).toThrow(
      /^--hidden-size cannot change when you resume a training\. These can: .*--epochs/,
    );
    expect(() => of({ ...saved, lr: 'fast' })).toThrow('f: settings.lr must be');
    const { keep: _, ...former } = saved;
    expect(of({ ...former, patience: 3 }).keep).toBe('best');
    expect([of({ ...former, patience: 0 }).keep, of({ hiddenSize: 5 }).keep]).toEqual(['last', 'last']);
    expect(isSameTraining(saved, { ...saved, epochs: 8 })).toBe(true);
    expect(isSameTraining(saved, { ...saved, hiddenSize: 6 })).toBe(false);
    expect([isSameTraining(null, saved), isSameTraining(saved, 3)]).toEqual([false, false]);
  });

  test('of another task are refused', async () => {
    const file = here.write('label.json', '{"label":"k","text":"t","epochs":3}');
    expect(
      await taskSettings(
        { config: file, epochs: 5, quiet: true, force: false, out: 'm' } as never,
        LABEL_CONFIG,
        'a classifier',
      ),
    ).toEqual({
      ...{ label: 'k', text: 't', epochs: 5 },
    });
    expect(await taskSettings({}, LABEL_CONFIG, 'a classifier')).toEqual({});
    await expect(taskSettings({ keep: 'best' } as never, LABEL_CONFIG, 'a classifier')).rejects.toThrow(
      '--keep has no effect on a classifier.',
    );
    requireResumable({ resume: 'f', threads: 2, quiet: true, epochs: undefined, force: false }, 'a classifier');
    expect(() => requireResumable({ resume: 'f', hiddenSize: 3 }, 'a classifier')).toThrow(
      '--hidden-size cannot change when you resume the training of a classifier.',
    );
  });

  test('baselines are in a table', () => {
    expect(baselineTable([{ order: 1, bits: 4.12345 }], 2.5)).toBe(
      '\nValidation bits per character (lower is better)\n  1-gram (Kneser-Ney)   4.123\n  this LSTM             2.500',
    );
  });
});
