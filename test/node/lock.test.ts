/** File locks: within a process, between processes, and after a crash. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { lockFile } from '../../src/node/lock.js';
import { problemOf, rejected } from '../support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'unspool-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const refusal = async (file: string) => problemOf(await rejected(() => lockFile(file)), 'FILE_ACCESS');

/** The number of a process that has just ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0']);
  await new Promise((done) => child.on('close', done));
  return child.pid!;
}

test('a held lock is refused, and can be held again after its release', async () => {
  const release = await lockFile(at('a'));
  expect(readFileSync(at('a.lock'), 'utf8')).toBe(`${process.pid}\n`);
  expect(await refusal(at('a'))).toMatchObject({
    cause: 'LOCKED',
    file: at('a'),
    problem: `another run (process ${process.pid}) is writing it`,
    help: `Choose another --out, or wait for that run; if there is none, delete ${at('a.lock')}.`,
  });
  await release();
  expect(existsSync(at('a.lock'))).toBe(false);
  await (await lockFile(at('a')))();
  expect(readdirSync(folder)).toEqual([]);
});

test('of concurrent attempts exactly one succeeds, whatever path names the file', async () => {
  mkdirSync(at('dir'));
  const names = [at('b'), `${folder}/./b`, `${folder}/dir/../b`, at('b')];
  const results = await Promise.allSettled(names.map((name) => lockFile(name)));
  const won = results.filter((r) => r.status === 'fulfilled');
  expect(won).toHaveLength(1);
  await won[0]!.value();
  rmSync(at('dir'), { recursive: true });
  expect(readdirSync(folder)).toEqual([]);
});

test('a second release does not remove the lock of another process', async () => {
  const first = await lockFile(at('c'));
  await first();
  const second = await lockFile(at('c'));
  await second();
  const other = `${process.ppid}\n`;
  writeFileSync(at('c.lock'), other); // as another process writes it
  await second();
  expect(readFileSync(at('c.lock'), 'utf8')).toBe(other);
  rmSync(at('c.lock'));
});

test('a lock of a running process is refused', async () => {
  writeFileSync(at('d.lock'), `${process.ppid}\n`);
  expect((await refusal(at('d'))).problem).toBe(`another run (process ${process.ppid}) is writing it`);
  expect(readFileSync(at('d.lock'), 'utf8')).toBe(`${process.ppid}\n`);
  rmSync(at('d.lock'));
});

test.each([
  ['a process that has ended', deadProcess],
  ['an earlier process with the same number, as in a container', async () => process.pid],
  ['no process', async () => 'x'],
])('a lock left by %s is replaced', async (_name, holder) => {
  writeFileSync(at('e.lock'), `${await holder()}\n`);
  const release = await lockFile(at('e'));
  expect(readFileSync(at('e.lock'), 'utf8')).toBe(`${process.pid}\n`);
  await release();
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder and a path through a file are refused immediately', async () => {
  mkdirSync(at('folder'));
  writeFileSync(at('file'), '');
  expect((await refusal(at('folder'))).cause).toBe('EISDIR');
  expect((await refusal(at('file/f'))).help).toBe('A part of the path is a file, not a folder.');
  expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
});
