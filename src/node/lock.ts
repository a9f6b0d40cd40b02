/** Locks that give a file one writer: a lock file with the process number, replaced if that process has ended. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { UnspoolError } from '../errors.js';
import { fileAccessError, prepareFolder } from './files.js';

const ATTEMPTS = 20;
const RETRY_MS = 20;

/** The locks that this process holds. Another lock file with this process number was left by an earlier process. */
const held = new Set<string>();

/** Locks `file` for this process and returns a function that releases it. Throws `FILE_ACCESS` if the file is locked. */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  const lock = `${resolve(file)}.lock`;
  if (held.has(lock)) throw heldBy(file, lock, process.pid);
  held.add(lock);
  try {
    await prepareFolder(file);
    await acquire(file, lock);
  } catch (error) {
    held.delete(lock);
    throw fileAccessError(file, 'written', error);
  }
  return () => release(lock);
}

async function acquire(file: string, lock: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await tryCreate(lock)) return;
    const holder = await holderOf(lock);
    if (holder === null) continue; // released in the meantime
    if (isAlive(holder)) throw heldBy(file, lock, holder);
    await removeStale(lock, holder); // its process was killed before it released the lock
  }
  throw heldBy(file, lock, Number.NaN);
}

async function release(lock: string): Promise<void> {
  if (held.delete(lock)) await rm(lock, { force: true });
}

/** Returns the process number in a lock file, NaN if it has none, or null without a lock file. */
async function holderOf(lock: string): Promise<number | null> {
  const content = await readFile(lock, 'utf8').catch(() => null);
  return content === null ? null : Number.parseInt(content, 10);
}

/** Writes the lock to another file and links it, so that no process reads a lock file before it has its content. */
async function tryCreate(lock: string): Promise<boolean> {
  const temporary = `${lock}.${process.pid}`;
  try {
    await writeFile(temporary, `${process.pid}\n`);
    await link(temporary, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes a stale lock while holding a second lock, so that it does not remove the lock of a process that has just replaced it. */
async function removeStale(lock: string, holder: number): Promise<void> {
  const guard = `${lock}.takeover`;
  if (await tryCreate(guard)) {
    try {
      if (Object.is(await holderOf(lock), holder)) await rm(lock, { force: true });
    } finally {
      await rm(guard, { force: true });
    }
  } else {
    const other = await holderOf(guard);
    if (other !== null && !isAlive(other)) await rm(guard, { force: true });
    await setTimeout(RETRY_MS);
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, but belongs to another user
  }
}

const heldBy = (file: string, lock: string, pid: number): UnspoolError =>
  new UnspoolError({
    code: 'FILE_ACCESS',
    file,
    cause: 'LOCKED',
    problem: `another run${Number.isNaN(pid) ? '' : ` (process ${pid})`} is writing it`,
    help: `Choose another --out, or wait for that run; if there is none, delete ${lock}.`,
  });
