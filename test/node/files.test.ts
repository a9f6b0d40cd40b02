/** Atomic writes, text files and their errors, and model files. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createModel, writeSafetensors } from '../../src/index.js';
import { keepOwner, renameExclusively, targetOf } from '../../src/node/files.js';
import {
  appendText,
  loadModel,
  lockFile,
  readBytes,
  readText,
  saveModel,
  writeFileAtomic,
} from '../../src/node/index.js';
import { spaceTag } from '../../src/node/owner.js';
import { problemOf, rejected } from '../support/errors.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'unspool-files-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder = '';
let count = 0;
beforeEach(() => mkdirSync((folder = join(root, String(count++)))));

const at = (name: string): string => join(folder, name);
const filled = (value: number, length = 300_000): Uint8Array => new Uint8Array(length).fill(value);

async function accessProblem(act: () => Promise<unknown>) {
  return problemOf(await rejected(act), 'FILE_ACCESS');
}

describe('writeFileAtomic', () => {
  test('writes the bytes, creates the folders, and leaves no other file', async () => {
    await writeFileAtomic(at('a/b/c'), filled(7, 10));
    expect([...readFileSync(at('a/b/c'))]).toEqual(Array(10).fill(7));
    await writeFileAtomic(at('a/b/c'), filled(8, 3));
    expect([...readFileSync(at('a/b/c'))]).toEqual([8, 8, 8]);
    expect(readdirSync(at('a/b'))).toEqual(['c']);
  });

  test('concurrent writers leave the complete file of one of them', async () => {
    await Promise.all([1, 2, 3, 4, 5, 6].map((value) => writeFileAtomic(at('f'), filled(value, 100_000 * value))));
    const bytes = readFileSync(at('f'));
    expect(bytes.length).toBe(100_000 * bytes[0]!);
    expect(bytes.every((b) => b === bytes[0])).toBe(true);
    expect(readdirSync(folder)).toEqual(['f']);
  });

  test('a concurrent reader sees the old bytes or the new ones, never a part', async () => {
    await writeFileAtomic(at('f'), filled(1));
    const contents = new Set<string>();
    let writing = true;
    const reading = (async () => {
      while (writing) {
        const bytes = await readBytes(at('f'));
        contents.add(`${bytes.length} ${bytes.every((b) => b === bytes[0])}`);
      }
    })();
    for (let value = 2; value < 12; value++) await writeFileAtomic(at('f'), filled(value));
    writing = false;
    await reading;
    expect([...contents]).toEqual(['300000 true']);
  });

  test('refuses to replace a folder', async () => {
    mkdirSync(at('f'));
    expect(await accessProblem(() => writeFileAtomic(at('f'), filled(1)))).toMatchObject({
      cause: 'EISDIR',
      file: at('f'),
    });
    expect(readdirSync(folder)).toEqual(['f']);
  });

  test('refuses a path through a file', async () => {
    writeFileSync(at('f'), 'old');
    const problem = await accessProblem(() => writeFileAtomic(at('f/g'), filled(1)));
    expect(problem.help).toBe('A part of the path is a file, not a folder.');
    expect(readFileSync(at('f'), 'utf8')).toBe('old');
  });

  test('a failed write keeps the old content and leaves no temporary file', async () => {
    writeFileSync(at('f'), 'old');
    const broken = { length: 3 } as unknown as Uint8Array;
    await expect(writeFileAtomic(at('f'), broken)).rejects.toThrow(/./);
    expect(readFileSync(at('f'), 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['f']);
  });

  test('a name that is too long is a FILE_ACCESS error', async () => {
    const problem = await accessProblem(() => writeFileAtomic(at('n'.repeat(300)), filled(1)));
    expect(problem).toMatchObject({ cause: 'ENAMETOOLONG', problem: 'cannot be written' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what is at the path already', () => {
  const asRoot = process.getuid?.() === 0;

  test('a link stays a link, also one to a file that is missing', async () => {
    mkdirSync(at('real'));
    writeFileSync(at('real/a'), 'old');
    symlinkSync('real/a', at('a'));
    symlinkSync('b2', at('b'));
    symlinkSync('new/folder/c', at('b2'));
    for (const name of ['a', 'b']) await writeFileAtomic(at(name), filled(7, 3));
    expect(['a', 'b', 'b2'].map((name) => lstatSync(at(name)).isSymbolicLink())).toEqual([true, true, true]);
    expect([...readFileSync(at('real/a')), ...readFileSync(at('new/folder/c'))]).toEqual(Array(6).fill(7));
    expect(readdirSync(at('real'))).toEqual(['a']); // the temporary file was next to it, on the same disk
  });

  test('a path through a linked folder names the same file as for the system', async () => {
    mkdirSync(at('x/y'), { recursive: true });
    symlinkSync('x/y', at('link'));
    expect(await targetOf(`${folder}/link/../f`)).toMatchObject({ path: at('x/f') });
  });

  test('its permissions and its owner are kept', async () => {
    for (const mode of [0o600, 0o640, 0o664, 0o2755]) {
      writeFileSync(at('f'), 'old');
      if (asRoot) chownSync(at('f'), 1234, 2345);
      chmodSync(at('f'), mode);
      const { uid, gid, ino } = statSync(at('f'));
      await writeFileAtomic(at('f'), filled(1, 3));
      expect(statSync(at('f'))).toMatchObject({ uid, gid, mode: 0o100000 | mode });
      expect(statSync(at('f')).ino).not.toBe(ino); // it is another file
      rmSync(at('f'));
    }
  });

  test.each([
    ['gives a file away', () => true, ['chown 1 2', 'chmod 2640']],
    ['may change the group only', (uid: number) => uid === -1, ['chown 1 2', 'chown -1 2', 'chmod 2640']],
    ['may do neither', () => false, ['chown 1 2', 'chown -1 2', 'chmod 2640']],
  ])('a user who %s', async (_, isAllowed, expected) => {
    const calls: string[] = [];
    const handle = {
      async chown(uid: number, gid: number): Promise<void> {
        calls.push(`chown ${uid} ${gid}`);
        if (!isAllowed(uid)) throw new Error('EPERM');
      },
      chmod: async (mode: number) => void calls.push(`chmod ${mode.toString(8)}`),
    };
    await keepOwner(handle as never, { uid: 1, gid: 2, mode: 0o102640 });
    expect(calls).toEqual(expected);
  });

  (asRoot ? test.skip : test)('a file that may not be written is not replaced', async () => {
    writeFileSync(at('f'), 'old', { mode: 0o444 });
    expect(await accessProblem(() => writeFileAtomic(at('f'), filled(1)))).toMatchObject({ cause: 'EACCES' });
    expect(readFileSync(at('f'), 'utf8')).toBe('old');
  });

  // As the superuser, `rename` would replace /dev/null. No test may try it on a device: a pipe takes the same way.
  const writers: [string, (file: string) => Promise<unknown>][] = [
    ['writeFileAtomic', (file) => writeFileAtomic(file, filled(1, 3))],
    ['writeFileAtomic without replacing', (file) => writeFileAtomic(file, filled(1, 3), { replace: false })],
    ['appendText', (file) => appendText(file, 'a line')],
    ['lockFile', (file) => lockFile(file)],
  ];
  test.each(writers)('%s refuses a pipe, a socket, and links to them', async (_name, write) => {
    const pipe = spawnSync('mkfifo', [at('pipe')]).status === 0;
    const server = createServer();
    await new Promise<void>((listening) => server.listen(at('socket'), listening));
    symlinkSync(at('pipe'), at('to-pipe'));
    symlinkSync(at('socket'), at('to-socket'));
    const before = readdirSync(folder);
    for (const name of [...(pipe ? ['pipe', 'to-pipe'] : []), 'socket', 'to-socket']) {
      const problem = `cannot be written: it is a ${name.replace('to-', '')}`;
      expect(await accessProblem(() => write(at(name)))).toMatchObject({
        file: at(name),
        cause: 'NOT_A_FILE',
        problem,
      });
    }
    expect(readdirSync(folder)).toEqual(before);
    if (pipe) expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    expect(lstatSync(at('socket')).isSocket()).toBe(true);
    await new Promise((closed) => server.close(closed));
  });

  test.each(writers)(
    '%s refuses a name that ends in a slash, an empty name, and a circle of links',
    async (_, write) => {
      symlinkSync(at('loop'), at('loop'));
      const causes = [at('new/'), '', at('loop')].map(async (file) => (await accessProblem(() => write(file))).cause);
      expect(await Promise.all(causes)).toEqual(['EISDIR', 'ENOENT', 'ELOOP']);
      expect(readdirSync(folder)).toEqual(['loop']);
    },
  );
});

describe('without replacing', () => {
  const write = (value: number) => writeFileAtomic(at('f'), filled(value, 100), { replace: false });

  test('an existing file is an error', async () => {
    await write(1);
    expect(await accessProblem(() => write(2))).toMatchObject({ cause: 'EEXIST', problem: 'already exists' });
    expect(readFileSync(at('f'))[0]).toBe(1);
    expect(readdirSync(folder)).toEqual(['f']);
  });

  test('exactly one of several writers at the same moment succeeds', async () => {
    const results = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(write));
    const won = results.findIndex(({ status }) => status === 'fulfilled');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect([...readFileSync(at('f'))]).toEqual(Array(100).fill(won + 1));
    expect(readdirSync(folder)).toEqual(['f']);
  });

  test('renameExclusively replaces nothing', async () => {
    writeFileSync(at('a'), 'a');
    writeFileSync(at('b'), 'b');
    expect(await renameExclusively(at('a'), at('b'))).toBe(false);
    expect(readFileSync(at('b'), 'utf8')).toBe('b');
    expect(await renameExclusively(at('a'), at('c'))).toBe(true);
    expect(readFileSync(at('c'), 'utf8')).toBe('a');
    expect(readdirSync(folder)).toEqual(['b', 'c']);
  });
});

test('temporary files of killed processes are removed, others are kept', async () => {
  const dead = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).stdout.trim();
  const [own, other] = [spaceTag(), '0123abcd'];
  const left = [`f.${dead}.${own}11111111.tmp`, `f.1.${other}22222222.tmp`, 'f.1.33333333.tmp'];
  const kept = [
    `f.${process.ppid}.${own}44444444.tmp`, // it runs
    `f.${dead}.${other}55555555.tmp`, // in another container, and recent
    `g.${dead}.${own}66666666.tmp`,
    `f.${dead}.tmp`,
    'f.tmp',
  ];
  for (const name of [...left, ...kept]) writeFileSync(at(name), '');
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of left.slice(1)) utimesSync(at(name), longAgo, longAgo);
  await writeFileAtomic(at('f'), filled(1, 3));
  expect(readdirSync(folder)).toEqual(['f', ...kept].sort());
});

test('readBytes reads a pipe, as `<(zcat book.gz)` makes, and refuses a device', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  const writing = writeFile(at('pipe'), 'the whale');
  expect(await readText(at('pipe'))).toBe('the whale');
  await writing;
  const problem = 'cannot be read: it is a device';
  expect(await accessProblem(() => readBytes('/dev/zero'))).toMatchObject({ cause: 'NOT_A_FILE', problem });
});

test('appendText makes the file and its folder, and adds to the end', async () => {
  await appendText(at('a/b'), 'one\n');
  await appendText(at('a/b'), 'two\n');
  expect(readFileSync(at('a/b'), 'utf8')).toBe('one\ntwo\n');
  expect(problemOf(await rejected(() => appendText(at('a/b'), 3 as never)), 'INVALID_DATA').what).toBe('text');
  expect(readFileSync(at('a/b'), 'utf8')).toBe('one\ntwo\n');
});

// Sparse files, which take no space on the disk.
test.each([
  ['readText', readText, 2 ** 29 + 1, '512 MiB'],
  ['readBytes', readBytes, 2 ** 31, '2 GiB'],
] as const)('%s refuses a file that is too large before it reads it', async (_name, read, size, limit) => {
  writeFileSync(at('f'), '');
  truncateSync(at('f'), size);
  const { problem } = problemOf(await rejected(() => read(at('f'))), 'INVALID_FILE');
  expect(problem).toBe(`the file is larger than ${limit}, and it is read as a whole.`);
});

describe('readText', () => {
  test('removes the byte order mark', async () => {
    writeFileSync(at('f'), '\ufeffnaïve 🐋\r\n');
    expect(await readText(at('f'))).toBe('naïve 🐋\r\n');
  });

  test.each<[string, Uint8Array, string]>([
    ['empty', new Uint8Array(), 'the file is empty.'],
    ['Latin-1', Buffer.from('Käse', 'latin1'), 'not UTF-8 text.'],
    ['half a character at the end', Buffer.from('🐋').subarray(0, 3), 'not UTF-8 text.'],
    ['zero bytes', Buffer.from('a\0b'), 'not a text file: it contains zero bytes.'],
    ['gzip', gzipSync('the whale'), 'it is a gzip archive, not a text file.'],
    ['UTF-16', Buffer.from('\ufeffthe whale', 'utf16le'), 'it is text in UTF-16.'],
    ['a model', writeSafetensors([], {}), 'it is a model file (safetensors), not a text file.'],
    [
      'a PyTorch file',
      Buffer.from('PK\x03\x04m/data.pkl\x80\x02', 'latin1'),
      'it is a PyTorch file (.pt, .pth), a zip archive, not a text file.',
    ],
    [
      'a pointer',
      Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
      'it is a Git LFS pointer, not the file itself.',
    ],
    ['Latin-1 after much ASCII', Buffer.from(`${'a'.repeat(5000)}Käse`, 'latin1'), 'not UTF-8 text.'],
  ])('refuses a file: %s', async (_name, bytes, problem) => {
    writeFileSync(at('f'), bytes);
    expect(problemOf(await rejected(() => readText(at('f'))), 'INVALID_FILE')).toMatchObject({
      file: at('f'),
      problem,
    });
  });

  test('reports a missing file, a folder, a path through a file, and a circle of links', async () => {
    writeFileSync(at('f'), 'x');
    symlinkSync(at('loop'), at('loop'));
    const causes = await Promise.all(
      ['none', '.', 'f/g', 'loop'].map(async (name) => (await accessProblem(() => readText(at(name)))).cause),
    );
    expect(causes).toEqual(['ENOENT', 'EISDIR', 'ENOTDIR', 'ELOOP']);
  });

  const asRoot = process.getuid?.() === 0;
  (asRoot ? test.skip : test)('reports a file without read permission', async () => {
    writeFileSync(at('f'), 'x');
    chmodSync(at('f'), 0);
    expect(await accessProblem(() => readText(at('f')))).toMatchObject({
      cause: 'EACCES',
      help: 'Check the permissions.',
    });
  });
});

test('loadModel reads the model that saveModel writes', async () => {
  const model = await createModel(
    { inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] },
    { precision: 'float64' },
  );
  await saveModel(at('m.safetensors'), model, { metadata: { note: 'ü' } });
  const loaded = await loadModel(at('m.safetensors'));
  expect(loaded).toMatchObject({ precision: 'float64', metadata: { note: 'ü' }, vocabulary: null, training: null });
  expect(await loaded.model.parameters.download()).toEqual(await model.parameters.download());
  expect(problemOf(await rejected(() => loadModel(at('other'))), 'FILE_ACCESS').cause).toBe('ENOENT');
});
