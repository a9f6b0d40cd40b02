/** Files: atomic writes, and errors with advice. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UnspoolError } from '../errors.js';
import { contentOf } from '../interop/content.js';

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
};

/** Converts a system error to a `FILE_ACCESS` error; returns any other error as it is. */
export function fileAccessError(file: string, action: string, error: unknown): unknown {
  const cause = (error as NodeJS.ErrnoException)?.code;
  if (error instanceof UnspoolError || typeof cause !== 'string') return error;
  const problem = cause === 'ENOENT' ? `cannot be ${action}: no such file or folder` : `cannot be ${action}`;
  const help = HELP[cause];
  return new UnspoolError({ code: 'FILE_ACCESS', file, cause, problem, ...(help ? { help } : {}) });
}

/** Reads a file. Throws `FILE_ACCESS`. */
export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw fileAccessError(file, 'read', error);
  }
}

/** Reads a UTF-8 text file. Throws `FILE_ACCESS`, or `INVALID_FILE` if it is empty, over 512 MiB, or not text. */
export async function readText(file: string): Promise<string> {
  const bytes = await readBytes(file);
  const invalid = (problem: string, help: string) => new UnspoolError({ code: 'INVALID_FILE', file, problem, help });
  const unreadable = (problem: string, help: string): UnspoolError => {
    const content = contentOf(bytes);
    return content
      ? invalid(`it is ${content.what}, not a text file.`, 'Give a plain text file.')
      : invalid(problem, help);
  };
  if (bytes.length === 0) throw invalid('the file is empty.', 'Give a text file.');
  if (bytes.length > 2 ** 29) throw invalid('the file is larger than 512 MiB.', 'Give a part of it.');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable('not UTF-8 text.', 'Give a plain text file; `iconv -t utf-8` converts other encodings.');
  }
  if (text.includes('\0')) throw unreadable('not a text file: it contains zero bytes.', 'Give a plain text file.');
  return text;
}

/**
 * Writes a file atomically: to a temporary file in the same folder, which is flushed to disk and then renamed. Creates the folder
 * if it is missing. Throws `FILE_ACCESS`; an existing file is then unchanged.
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await prepareFolder(file);
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileAccessError(file, 'written', error);
  }
}

/** Appends text to a file, all of it or nothing. Creates the file and its folder if missing. Throws `FILE_ACCESS`. */
export async function appendText(file: string, text: string): Promise<void> {
  try {
    await prepareFolder(file);
    const handle = await open(file, 'a');
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

/** Whether a file or folder exists. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Creates the folder of `file`. Throws the system's error, also if `file` itself is a folder. */
export async function prepareFolder(file: string): Promise<void> {
  const isFolder = await stat(file).then(
    (s) => s.isDirectory(),
    () => false,
  );
  if (isFolder) throw Object.assign(new Error(), { code: 'EISDIR' });
  await mkdir(dirname(file), { recursive: true });
}
