/**
 * Locks that give a file one writer. A lock file names the process that made it. Whether that process still runs can be seen from
 * its number on the same machine and in the same container. From others, it is seen from the time of the last write: the process
 * rewrites its lock file every few seconds.
 */
import { readFileSync, rmSync } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { isObject, requireFunction, requireOptions } from '../checks.js';
import { UnspoolError } from '../errors.js';
import { fileAccessError, removeLeftovers, renameExclusively, targetOf, temporaryName } from './files.js';
import { isRunning, type Owner, ownProcess } from './owner.js';

/** Time between two signs of life. */
const BEAT_MS = 2000;
/** After this time without a sign of life, a process of another machine or container has ended. */
const STALE_MS = 20_000;
const RETRY_MS = 20;
const ATTEMPTS = 20;

/** What `lockFile` reports while it waits. */
export interface LockOptions {
  /** Called before a wait of up to 20 seconds for a sign of life of a process on another machine or in another container. */
  readonly onWait?: (message: string) => void;
}

interface Holder {
  /** Null if the file is not a lock of Unspool. */
  readonly owner: Owner | null;
  readonly content: string;
  /** Time of the last write, by the clock of the file system. */
  readonly written: number;
}

/** The locks that this thread holds, with a function that ends their signs of life. */
const held = new Map<string, () => void>();

/**
 * Locks `file` for this process and returns a function that releases it. Removes what a killed process has left: its lock and its
 * temporary files. Throws `FILE_ACCESS`, with the cause `LOCKED` if another process, also of another container that shares the
 * folder, has the lock.
 */
export async function lockFile(file: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  requireOptions('options', options, ['onWait']);
  if (options.onWait !== undefined) requireFunction('onWait', options.onWait);
  try {
    const { path } = await targetOf(file);
    const lock = `${path}.lock`;
    if (held.has(lock)) throw heldBy(file, lock, ownProcess());
    held.set(lock, () => {});
    try {
      await acquire(file, lock, options);
      await removeDeadGuard(lock, Number.NEGATIVE_INFINITY);
      await removeLeftovers(lock, true);
      await removeLeftovers(path, true);
    } catch (error) {
      held.delete(lock);
      throw error;
    }
    held.set(lock, showLife(lock));
    return () => release(lock);
  } catch (error) {
    throw fileAccessError(file, 'written', error);
  }
}

/** Whether a process that runs, or may run on another machine, has the lock of `file`. Throws nothing. */
export async function isLocked(file: string): Promise<boolean> {
  const holder = await holderOf(`${file}.lock`).catch(() => null);
  if (!holder?.owner) return false;
  return isRunning(holder.owner) ?? Date.now() - holder.written <= STALE_MS;
}

const ownContent = (): string => `${JSON.stringify(ownProcess())}\n`;

async function acquire(file: string, lock: string, options: LockOptions): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = await tryCreate(lock);
    if (now === null) return;
    const holder = await holderOf(lock);
    if (holder === null) continue; // released in the meantime
    if (holder.owner === null) throw inTheWay(file, lock);
    if (!(await hasEnded(file, lock, holder, now, options))) throw heldBy(file, lock, holder.owner);
    await removeStale(lock, holder); // its process was killed before it released the lock
  }
  throw heldBy(file, lock, null);
}

/** Waits for a sign of life if the process cannot be seen from here. */
async function hasEnded(
  file: string,
  lock: string,
  holder: Holder,
  now: number,
  options: LockOptions,
): Promise<boolean> {
  const { owner, written } = holder;
  const runs = owner && isRunning(owner);
  if (runs !== null) return !runs;
  if (now - written > STALE_MS) return true;
  options.onWait?.(
    `${file} is locked by process ${owner?.pid} on ${owner?.host}. Waiting to see whether it still runs.`,
  );
  for (const end = performance.now() + written + STALE_MS - now; performance.now() < end; ) {
    await setTimeout(BEAT_MS / 4);
    const current = await holderOf(lock);
    if (current?.content !== holder.content) return true; // released, or taken over
    if (current.written !== written) return false;
  }
  return true;
}

async function release(lock: string): Promise<void> {
  const stop = held.get(lock);
  if (!stop) return;
  stop();
  held.delete(lock);
  if ((await holderOf(lock))?.content === ownContent()) await rm(lock, { force: true });
}

/** Rewrites the lock file from time to time. Returns a function that ends it. */
function showLife(lock: string): () => void {
  const beat = async (): Promise<void> => {
    const content = ownContent();
    if ((await holderOf(lock))?.content !== content) return; // taken over while this process was suspended
    const handle = await open(lock, 'r+');
    await handle.write(content).finally(() => handle.close());
  };
  const timer = setInterval(() => void beat().catch(() => {}), BEAT_MS);
  timer.unref();
  const atExit = (): void => {
    try {
      if (readFileSync(lock, 'utf8') === ownContent()) rmSync(lock); // process.exit() runs no finally block
    } catch {}
  };
  process.once('exit', atExit);
  return () => {
    clearInterval(timer);
    process.off('exit', atExit);
  };
}

/** The holder in a lock file, or null without a lock file. */
async function holderOf(lock: string): Promise<Holder | null> {
  try {
    const [content, { mtimeMs }] = [await readFile(lock, 'utf8'), await stat(lock)];
    return { owner: ownerIn(content), content, written: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return null;
  }
}

function ownerIn(content: string): Owner | null {
  const own = { ...ownProcess(), started: null };
  if (content.trim() === '') return { ...own, pid: 0, space: '' }; // not written completely, perhaps not yet
  if (/^\d+\s*$/.test(content)) return { ...own, pid: Number(content) }; // from Unspool 0.1
  try {
    const owner = JSON.parse(content) as Partial<Owner>;
    return isObject(owner) && Number.isSafeInteger(owner.pid) ? { ...own, ...owner } : null;
  } catch {
    return null;
  }
}

/**
 * Writes the lock to another file and gives that its name, so that no process reads a lock file before it has its content.
 * Returns null if this process has the lock, else the time by the clock of the file system.
 */
async function tryCreate(lock: string): Promise<number | null> {
  const temporary = temporaryName(lock);
  try {
    const handle = await open(temporary, 'wx');
    await handle.writeFile(ownContent()).finally(() => handle.close());
    const { mtimeMs } = await stat(temporary);
    return (await renameExclusively(temporary, lock)) ? null : mtimeMs;
  } finally {
    await rm(temporary, { force: true });
  }
}

const guardOf = (lock: string): string => `${lock}.takeover`;

/** Removes a stale lock while holding a second lock, so that it does not remove the lock of a process that has just replaced it. */
async function removeStale(lock: string, { content }: Holder): Promise<void> {
  const guard = guardOf(lock);
  const now = await tryCreate(guard);
  if (now === null) {
    try {
      if ((await holderOf(lock))?.content === content) await rm(lock, { force: true });
    } finally {
      await rm(guard, { force: true });
    }
    return;
  }
  await removeDeadGuard(lock, now);
  await setTimeout(RETRY_MS);
}

/** Removes the second lock of a process that was killed in `removeStale`. */
async function removeDeadGuard(lock: string, now: number): Promise<void> {
  const guard = guardOf(lock);
  const other = await holderOf(guard);
  const runs = other?.owner && isRunning(other.owner);
  if (other && (runs === false || now - other.written > STALE_MS)) await rm(guard, { force: true });
}

const inTheWay = (file: string, lock: string): UnspoolError =>
  new UnspoolError({
    code: 'FILE_ACCESS',
    file,
    cause: 'LOCKED',
    problem: `${lock} exists, but is not a lock of Unspool`,
    help: 'Choose another name, or move that file.',
  });

function heldBy(file: string, lock: string, owner: Owner | null): UnspoolError {
  const place = owner && owner.host !== ownProcess().host ? ` on ${owner.host}` : '';
  return new UnspoolError({
    code: 'FILE_ACCESS',
    file,
    cause: 'LOCKED',
    problem: `another run${owner ? ` (process ${owner.pid}${place})` : ''} is writing it`,
    help: `Choose another --out, or wait for that run; if there is none, delete ${lock}.`,
  });
}
