/** File locks: within a process, between processes, and after a crash. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { lockFile } from '../../src/node/lock.js';
import { ownProcess } from '../../src/node/owner.js';
import { problemOf, rejected } from '../support/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'unspool-lock-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const refusal = async (file: string, waits: string[] = []) =>
  problemOf(await rejected(() => lockFile(file, { onWait: (message) => waits.push(message) })), 'FILE_ACCESS');

const OWN = `${JSON.stringify(ownProcess())}\n`;
/** A lock file that another process of this machine writes. */
const lockOf = (owner: object): string => `${JSON.stringify({ ...ownProcess(), ...owner })}\n`;
const PARENT = { pid: process.ppid, started: null };

/** The number of a process that has just ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0']);
  await new Promise((done) => child.on('close', done));
  return child.pid!;
}

test('a held lock is refused, and can be held again after its release', async () => {
  const release = await lockFile(at('a'));
  expect(readFileSync(at('a.lock'), 'utf8')).toBe(OWN);
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
  const other = lockOf(PARENT);
  writeFileSync(at('c.lock'), other); // as another process writes it
  await second();
  expect(readFileSync(at('c.lock'), 'utf8')).toBe(other);
  rmSync(at('c.lock'));
});

test.each([
  ['a running process', lockOf(PARENT)],
  ['a running process of Unspool 0.1', `${process.ppid}\n`],
])('a lock of %s is refused', async (_name, content) => {
  writeFileSync(at('d.lock'), content);
  expect((await refusal(at('d'))).problem).toBe(`another run (process ${process.ppid}) is writing it`);
  expect(readFileSync(at('d.lock'), 'utf8')).toBe(content);
  rmSync(at('d.lock'));
});

test('another copy of this module in the same process is another holder', async () => {
  writeFileSync(at('d.lock'), OWN); // as a worker thread writes it
  expect((await refusal(at('d'))).problem).toBe(`another run (process ${process.pid}) is writing it`);
  rmSync(at('d.lock'));
});

test('a file that is not a lock is not removed', async () => {
  for (const content of ['a text of the user', '{"pid":"7"}', '-1', '[7]']) {
    writeFileSync(at('d.lock'), content);
    expect(await refusal(at('d'))).toMatchObject({ problem: `${at('d.lock')} exists, but is not a lock of Unspool` });
    expect(readFileSync(at('d.lock'), 'utf8')).toBe(content);
  }
  rmSync(at('d.lock'));
});

const seconds = (ago: number): Date => new Date(Date.now() - 1000 * ago);

test.each<[string, () => string | Promise<string>]>([
  ['a process that has ended', async () => lockOf({ pid: await deadProcess() })],
  ['a process of Unspool 0.1 that has ended', async () => `${await deadProcess()}\n`],
  ['an earlier process of Unspool 0.1 with the same number, as in a container', () => `${process.pid}\n`],
  ['an earlier process with the same number', () => lockOf({ started: '1' })],
  ['an earlier process with the number of another', () => lockOf({ pid: process.ppid, started: '1' })],
  ['a crash of the machine, empty', () => ''],
  ['a container without a sign of life', () => lockOf({ space: 'another container' })],
])('a lock left by %s is replaced', async (_name, content) => {
  writeFileSync(at('e.lock'), await content());
  utimesSync(at('e.lock'), seconds(30), seconds(30));
  writeFileSync(`${at('e')}.${await deadProcess()}.0123456789abcdef.tmp`, 'what it was writing');
  writeFileSync(at('e.lock.takeover'), lockOf({ pid: await deadProcess() }));
  const waits: string[] = [];
  const release = await lockFile(at('e'), { onWait: (message) => waits.push(message) });
  expect(waits).toEqual([]);
  expect(readFileSync(at('e.lock'), 'utf8')).toBe(OWN);
  await release();
  expect(readdirSync(folder)).toEqual([]);
});

// Process numbers mean nothing in another container: both have a process 1.
describe('a lock of a process in another container that shares the folder', () => {
  const foreign = lockOf({ space: 'another container', host: 'box', pid: process.pid });

  test('is refused when it shows life', async () => {
    writeFileSync(at('f.lock'), foreign);
    const waits: string[] = [];
    const attempt = refusal(at('f'), waits);
    while (waits.length === 0) await new Promise((next) => setTimeout(next, 10));
    writeFileSync(at('f.lock'), foreign); // as its process does every two seconds
    expect((await attempt).problem).toBe(`another run (process ${process.pid} on box) is writing it`);
    expect(waits).toEqual([
      `${at('f')} is locked by process ${process.pid} on box. Waiting to see whether it still runs.`,
    ]);
    rmSync(at('f.lock'));
  });

  test('is replaced 20 seconds after its last sign of life', async () => {
    const started = performance.now();
    writeFileSync(at('f.lock'), foreign);
    utimesSync(at('f.lock'), seconds(19.5), seconds(19.5));
    await (await lockFile(at('f')))();
    expect(performance.now() - started).toBeGreaterThan(450);
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('the holder shows life, and leaves the lock of another holder alone', async () => {
  const release = await lockFile(at('g'));
  utimesSync(at('g.lock'), seconds(60), seconds(60));
  while (Date.now() - statSync(at('g.lock')).mtimeMs > 30_000) await new Promise((next) => setTimeout(next, 50));
  expect(readFileSync(at('g.lock'), 'utf8')).toBe(OWN);
  const other = lockOf({ space: 'another container' });
  writeFileSync(at('g.lock'), other); // it took over while this process was suspended
  await release();
  expect(readFileSync(at('g.lock'), 'utf8')).toBe(other);
  rmSync(at('g.lock'));
});

test('two links to one file have one lock, next to the file', async () => {
  mkdirSync(at('real'));
  symlinkSync(at('real/m'), at('link'));
  const release = await lockFile(at('link'));
  expect(readdirSync(at('real'))).toEqual(['m.lock']);
  expect((await refusal(at('real/m'))).cause).toBe('LOCKED');
  await release();
  rmSync(at('link'));
  rmSync(at('real'), { recursive: true });
});

test('a folder and a path through a file are refused immediately', async () => {
  mkdirSync(at('folder'));
  writeFileSync(at('file'), '');
  expect((await refusal(at('folder'))).cause).toBe('EISDIR');
  expect((await refusal(at('file/f'))).help).toBe('A part of the path is a file, not a folder.');
  expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
});
