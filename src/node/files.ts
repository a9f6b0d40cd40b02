/** Writes files, atomically and without damage to anything else. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  access,
  constants,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { requireOptional, requireOptions, shown } from '../checks.js';
import { invalidData, invalidSetting, UnspoolError } from '../errors.js';
import { isAlive, spaceTag } from './owner.js';

const HELP: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EISDIR: 'Name a file, not a folder.',
  ENOTDIR: 'A part of the path is a file, not a folder.',
  EEXIST: 'A part of the path is a file, not a folder.',
  EACCES: 'Check the permissions.',
  EPERM: 'Check the permissions.',
  EROFS: 'Choose a folder that can be written to.',
  ENOSPC: 'The disk is full: free some space, or choose another folder. The existing file is unchanged.',
  EDQUOT: 'The disk quota is used up: free some space, or choose another folder. The existing file is unchanged.',
  EFBIG: 'The file is too large for this file system. The existing file is unchanged.',
  EBUSY: 'The file is in use, or mounted on its own: name another file.',
};

function requireBytes(bytes: unknown): void {
  if (!(bytes instanceof Uint8Array)) throw invalidData('bytes', `must be a Uint8Array, got ${shown(bytes)}.`);
}

/** Throws `INVALID_SETTING` unless `file` can be the path of a file. */
export function requirePath(file: unknown): asserts file is string {
  if (typeof file === 'string' && !file.includes('\0')) return;
  throw invalidSetting('file', `must be the path of a file, got ${shown(file)}.`);
}

/** Converts a system error to a `FILE_ACCESS` error; returns any other error as it is. */
export function fileAccessError(file: string, action: string, error: unknown): unknown {
  const cause = (error as NodeJS.ErrnoException)?.code;
  if (error instanceof UnspoolError || typeof cause !== 'string') return error;
  const problem = cause === 'ENOENT' ? `cannot be ${action}: no such file or folder` : `cannot be ${action}`;
  const help = HELP[cause];
  return new UnspoolError({ code: 'FILE_ACCESS', file, cause, problem, ...(help ? { help } : {}) });
}

/** An error as the system throws it. */
export const systemError = (code: string): Error => Object.assign(new Error(), { code });

/** What is at a path, if it is not a file; else null. */
export function specialKind(stats: Stats): string | null {
  if (stats.isFile()) return null;
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** A file that is about to be written. */
export interface Target {
  /** Absolute, without links: a link is followed, so that it stays a link. */
  readonly path: string;
  /** The file that exists there, or null. */
  readonly old: Stats | null;
}

const MAX_LINKS = 40;

/**
 * Where writing to `file` goes. Creates the folder if it is missing. Throws the system's error, and `FILE_ACCESS` for a folder,
 * a device, a pipe or a socket: the superuser could replace /dev/null.
 */
export async function targetOf(file: string, links = 0): Promise<Target> {
  requirePath(file);
  if (file === '') throw systemError('ENOENT');
  if (links > MAX_LINKS) throw systemError('ELOOP');
  const old = await statsOf(file);
  if (old) {
    const kind = specialKind(old);
    if (kind === 'a folder') throw systemError('EISDIR');
    if (kind) throw notAFile(file, 'written', kind);
    return { path: await realpath(file), old };
  }
  if (/[\\/]$/.test(file)) throw systemError('EISDIR');
  const to = await readlink(file).catch(() => null);
  if (to !== null) return targetOf(isAbsolute(to) ? to : `${dirname(file)}/${to}`, links + 1); // to a file that is missing
  await mkdir(dirname(file), { recursive: true });
  return { path: join(await realpath(dirname(file)), basename(file)), old: null };
}

/** Null for a missing file, and for a link to one. Throws the system's error, such as `ENOTDIR`. */
async function statsOf(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return null;
  }
}

/** The error for a device, a pipe or a socket. */
export const notAFile = (file: string, action: string, kind: string): UnspoolError =>
  new UnspoolError({
    code: 'FILE_ACCESS',
    file,
    cause: 'NOT_A_FILE',
    problem: `cannot be ${action}: it is ${kind}`,
    help: 'Name a file.',
  });

/** How `writeFileAtomic` treats a file that exists. */
export interface WriteOptions {
  /** Whether an existing file is replaced. Default true. False: `FILE_ACCESS` with the cause `EEXIST`, also if two processes race. */
  readonly replace?: boolean;
}

/**
 * Writes a file atomically: to a temporary file in the same folder, which is flushed to disk and then renamed. Creates the folder
 * if it is missing, follows links, and keeps the permissions and the owner of a file that it replaces. Throws `FILE_ACCESS`, also
 * for a folder, a device, a pipe or a socket; an existing file is then unchanged.
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
  requireBytes(bytes);
  requireOptions('options', options ?? null, ['replace']);
  requireOptional('replace', options.replace, 'boolean');
  const { replace = true } = options;
  try {
    const { path, old } = await targetOf(file);
    if (old && !replace) throw alreadyExists(file);
    if (old) await access(path, constants.W_OK);
    await removeLeftovers(path);
    const temporary = temporaryName(path);
    try {
      const handle = await open(temporary, 'wx', old ? old.mode & 0o777 : 0o666);
      try {
        if (old) await keepOwner(handle, old);
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (replace) await rename(temporary, path);
      else if (!(await renameExclusively(temporary, path))) throw alreadyExists(file);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  } catch (error) {
    throw fileAccessError(file, 'written', error);
  }
}

const alreadyExists = (file: string): UnspoolError =>
  new UnspoolError({
    code: 'FILE_ACCESS',
    file,
    cause: 'EEXIST',
    problem: 'already exists',
    help: 'Choose another name.',
  });

/** A user may not be allowed to give a file away; the permissions can be set in any case. */
export async function keepOwner(
  handle: Pick<FileHandle, 'chown' | 'chmod'>,
  { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>,
): Promise<void> {
  await handle.chown(uid, gid).catch(() => handle.chown(-1, gid).catch(() => {}));
  await handle.chmod(mode & 0o7777).catch(() => {});
}

/** Errors of file systems without hard links. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

/** Gives a file another name unless that exists; returns whether it did. `rename` would replace the other file. */
export async function renameExclusively(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    await rm(from, { force: true });
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.includes(code)) throw error;
  }
  try {
    await (await open(to, 'wx')).close(); // an empty file reserves the name
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  await rename(from, to);
  return true;
}

/** `model.safetensors.1234.0123456789abcdef.tmp`: the process, a tag of its machine or container, and a random number. */
export const temporaryName = (path: string): string =>
  `${path}.${process.pid}.${spaceTag()}${randomBytes(4).toString('hex')}.tmp`;

/** The rest of the name of a temporary file. Unspool 0.1 wrote no tag. */
const TEMPORARY = /^\.(\d+)\.([0-9a-f]{8})?[0-9a-f]{8}\.tmp$/;
const ABANDONED_MS = 3_600_000;

/**
 * Removes temporary files for `path` that a killed process has left. `ownsPath`: the caller has the lock of `path`, so no other
 * process writes it. Otherwise, a temporary file of another machine or container is left alone for an hour.
 */
export async function removeLeftovers(path: string, ownsPath = false): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  for (const one of await readdir(folder).catch(() => [])) {
    const [match, pid, tag] = (one.startsWith(name) && TEMPORARY.exec(one.slice(name.length))) || [];
    if (!match) continue;
    const file = join(folder, one);
    const age = async (): Promise<number> =>
      Date.now() - ((await lstat(file).catch(() => null))?.mtimeMs ?? Date.now());
    const isLeft = tag === spaceTag() ? !isAlive(Number(pid)) : ownsPath || (await age()) > ABANDONED_MS;
    if (isLeft) await rm(file, { force: true }).catch(() => {});
  }
}

/** Appends text to a file, all of it or nothing. Creates the file and its folder if missing. Throws `FILE_ACCESS`. */
export async function appendText(file: string, text: string): Promise<void> {
  if (typeof text !== 'string') throw invalidData('text', `must be a string, got ${shown(text)}.`);
  try {
    const handle = await open((await targetOf(file)).path, 'a');
    try {
      const { size } = await handle.stat();
      await handle.writeFile(text).catch(async (error) => {
        await handle.truncate(size).catch(() => {}); // removes a partly written line if possible
        throw error;
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileAccessError(file, 'written', error);
  }
}
