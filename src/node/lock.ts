/** One writer for a file: a lock beside it that names the process, taken over where that process is gone. */
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { UnspoolError } from '../errors.js';
import { fileAccessError, prepareFolder } from './files.js';

const ATTEMPTS = 20;
const RETRY_MS = 20;

/** The locks that this process holds. One that names it but is not here was left by another with the same number. */
const held = new Set<string>();

/** Holds `file` for this process. Throws `FILE_ACCESS` where it is held already. Call the result to let go. */
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
    if (holder === null) continue; // let go in the meantime
    if (isAlive(holder)) throw heldBy(file, lock, holder);
    await removeStale(lock, holder); // its process was killed before it could
  }
  throw heldBy(file, lock, Number.NaN);
}

async function release(lock: string): Promise<void> {
  if (held.delete(lock)) await rm(lock, { force: true });
}

/** The process that a lock names (NaN where it names none); null where there is no lock. */
async function holderOf(lock: string): Promise<number | null> {
  const content = await readFile(lock, 'utf8').catch(() => null);
  return content === null ? null : Number.parseInt(content, 10);
}

/** Linked into place with its content, so that nobody reads a lock before it names its process. */
async function tryCreate(lock: string): Promise<boolean> {
  const named = `${lock}.${process.pid}`;
  try {
    await writeFile(named, `${process.pid}\n`);
    await link(named, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(named, { force: true });
  }
}

/** Under a lock of its own, so that nobody takes away the lock of one who has just taken the stale one over. */
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
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, but another user's
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
