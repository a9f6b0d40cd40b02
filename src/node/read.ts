/** Reads files. */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { UnspoolError } from '../errors.js';
import { beginsAsModel, contentOf } from '../interop/content.js';
import { fileAccessError, notAFile, requirePath, specialKind, systemError } from './files.js';

const MAX_TEXT = 2 ** 29;
/** Largest file that Node reads as a whole. */
const MAX_BYTES = 2 ** 31 - 1;

function tooLarge(file: string, limit: number): UnspoolError {
  const [size, help] =
    limit === MAX_TEXT
      ? ['512 MiB', ' Only the text of a language model may be larger: unspool train streams it.']
      : ['2 GiB', ''];
  return invalidFile(file, `the file is larger than ${size}, and it is read as a whole.`, `Give a part of it.${help}`);
}

/** Reads a file or a pipe. Throws `FILE_ACCESS`, also for a folder or a device. */
export const readBytes = (file: string): Promise<Uint8Array> => readUpTo(file, MAX_BYTES);

async function readUpTo(file: string, limit: number): Promise<Uint8Array> {
  requirePath(file);
  try {
    const stats = await stat(file);
    const kind = specialKind(stats);
    if (kind === 'a folder') throw systemError('EISDIR');
    if (kind === 'a device') throw notAFile(file, 'read', kind); // such as /dev/zero, which does not end
    if (stats.size > limit) throw tooLarge(file, limit);
    return kind === null ? await readFile(file) : await readPipe(file, limit);
  } catch (error) {
    throw fileAccessError(file, 'read', error);
  }
}

async function readPipe(file: string, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of createReadStream(file) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > limit) throw tooLarge(file, limit);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export const invalidFile = (file: string, problem: string, help: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_FILE', file, problem, help });

/** The error for a file that is not text, with its format if the first bytes have one. */
export function notText(file: string, bytes: Uint8Array, problem: string, help: string): UnspoolError {
  if (beginsAsModel(bytes)) {
    const advice = 'Give a text file. `unspool train --resume` continues from a checkpoint.';
    return invalidFile(file, 'it is a model file (safetensors), not a text file.', advice);
  }
  const what = contentOf(bytes)?.what ?? 'text';
  if (/UTF-16/.test(what)) return invalidFile(file, `it is ${what}.`, 'Convert it: `iconv -f utf-16 -t utf-8`.');
  if (/text$|HTML/.test(what)) return invalidFile(file, problem, help);
  const advice = /archive/.test(what) ? 'Unpack it, and give the text file in it.' : 'Give a plain text file.';
  return invalidFile(file, `it is ${what}, not a text file.`, advice);
}

export const emptyText = (file: string): UnspoolError => invalidFile(file, 'the file is empty.', 'Give a text file.');

/** The error for a file with a zero byte. `where` ends the sentence. */
export const zeroBytes = (file: string, bytes: Uint8Array, where = ''): UnspoolError =>
  notText(file, bytes, `not a text file: it contains zero bytes${where}.`, 'Give a plain text file.');

/** The error for a file that is not UTF-8. `where` ends the sentence. */
export const notUtf8 = (file: string, bytes: Uint8Array, where = ''): UnspoolError => {
  const help = 'Give a plain text file; `iconv -t utf-8` converts other encodings.';
  return notText(file, bytes, `not UTF-8 text${where}.`, help);
};

/** Throws `INVALID_FILE` for what Git LFS leaves in place of a file. */
export function requireContent(file: string, beginning: string): void {
  if (!beginning.startsWith('version https://git-lfs.github.com/spec/')) return;
  throw invalidFile(file, 'it is a Git LFS pointer, not the file itself.', 'Run `git lfs pull`.');
}

/**
 * Reads a UTF-8 text file. Throws `FILE_ACCESS`, or `INVALID_FILE` if it is empty, over 512 MiB (see `textFileStreams`), or not
 * text.
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readUpTo(file, MAX_TEXT);
  if (bytes.length === 0) throw emptyText(file);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notUtf8(file, bytes);
  }
  if (text.includes('\0')) throw zeroBytes(file, bytes);
  requireContent(file, text);
  return text;
}

/** Whether a file or folder exists. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
