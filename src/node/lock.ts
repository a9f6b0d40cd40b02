/** One writer for a file: a lock beside it that names the process, taken over where that process is gone. */
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UnspoolError } from '../errors.js';
import { fileAccessError } from './files.js';

/** Holds `file` for this process. Throws `FILE_ACCESS` where a living process holds it. Call the result to let go. */
export async function lockFile(file: string): Promise<() => Promise<void>> {
  const lock = `${file}.lock`;
  try {
    await mkdir(dirname(file), { recursive: true });
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await tryCreate(lock)) return () => rm(lock, { force: true });
      const holder = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10);
      if (isAlive(holder)) throw heldBy(file, lock, holder);
      await rm(lock, { force: true }); // its process was killed before it could
    }
  } catch (error) {
    throw fileAccessError(file, 'written', error);
  }
  throw heldBy(file, lock, Number.NaN);
}

/** Linked into place with its content, so that nobody reads a lock before it names its process. */
async function tryCreate(lock: string): Promise<boolean> {
  const named = `${lock}.${process.pid}`;
  await writeFile(named, `${process.pid}\n`);
  try {
    await link(named, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(named, { force: true });
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
