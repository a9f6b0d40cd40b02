/** Atomic writes, text files and their errors, and model files. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createModel } from '../../src/index.js';
import { loadModel, readBytes, readText, saveModel, writeFileAtomic } from '../../src/node/index.js';
import { problemOf, rejected } from '../support/errors.js';

const root = mkdtempSync(join(tmpdir(), 'unspool-files-'));
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
