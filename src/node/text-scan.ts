/** Reads large UTF-8 files in pieces of bounded size. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { invalidData, type UnspoolError } from '../errors.js';
import { fileAccessError, notAFile, requirePath, specialKind, systemError } from './files.js';
import { emptyText, notUtf8, requireContent, zeroBytes } from './read.js';
import { InvalidByte, Utf8Decoder } from './utf8.js';

/** The number of code points of Unicode. */
export const POINTS = 0x110000;
const MARK = [0xef, 0xbb, 0xbf];
/** Characters of the beginning of a text that a scan keeps. */
const BEGINNING = 1 << 16;

/** What one pass over a text finds. */
export interface TextScan {
  /** Of the UTF-8 bytes, without a byte order mark, in hexadecimal. */
  readonly sha256: string;
  /** The number of code points. */
  readonly characters: number;
  /** The different code points, in increasing order. */
  readonly points: readonly number[];
  /** The first 65,536 characters. */
  readonly beginning: string;
}

/** Opens a file that can be read twice. Throws the system's error, and `FILE_ACCESS` for a folder, a pipe or a device. */
async function openText(file: string): Promise<FileHandle> {
  const handle = await open(file);
  try {
    const kind = specialKind(await handle.stat());
    if (kind === 'a folder') throw systemError('EISDIR');
    if (kind !== null) throw notAFile(file, 'streamed', kind);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The pieces of a file, without a byte order mark at its start. One buffer is used for all. */
async function* piecesOf(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.max(size, MARK.length));
  for (let position = 0; ; ) {
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const skipped = position === 0 && MARK.every((byte, i) => buffer[i] === byte) ? MARK.length : 0;
    yield buffer.subarray(skipped, filled);
    position += filled;
    if (filled < buffer.length) return;
  }
}

/**
 * Reads a text in pieces of `size` bytes. `take` receives the code points of each piece, in an array that is used again. Returns the
 * hash of the text. Throws `FILE_ACCESS`, and `INVALID_FILE` for what is not text, with the position of the first wrong byte.
 */
export async function readPoints(
  file: string,
  size: number,
  take: (points: Int32Array, count: number) => void | Promise<void>,
): Promise<string> {
  requirePath(file);
  const decoder = new Utf8Decoder();
  const hash = createHash('sha256');
  const points = new Int32Array(Math.max(size, MARK.length));
  let first: Uint8Array | null = null;
  let start = 0;
  try {
    const handle = await openText(file);
    try {
      for await (const bytes of piecesOf(handle, size)) {
        if (first === null) [first, start] = [bytes.slice(0, BEGINNING), bytes.byteOffset];
        hash.update(bytes);
        await take(points, decoder.decode(bytes, points));
      }
      decoder.end();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof InvalidByte) throw notUtf8(file, first!, ` at byte ${start + error.at + 1}`);
    throw fileAccessError(file, 'read', error);
  }
  return hash.digest('hex');
}

/** The first pass over a text. Throws as `readPoints` does, and `INVALID_FILE` for an empty file or one with zero bytes. */
export async function scanText(file: string, size: number): Promise<TextScan> {
  const seen = new Uint8Array(POINTS);
  let characters = 0;
  let beginning = '';
  const sha256 = await readPoints(file, size, (points, count) => {
    for (let i = 0; i < count; i++) seen[points[i]!] = 1;
    for (let i = 0; i < count && characters + i < BEGINNING; i++) beginning += String.fromCodePoint(points[i]!);
    if (seen[0]) {
      const at = characters + points.subarray(0, count).indexOf(0);
      throw zeroBytes(file, new TextEncoder().encode(beginning), ` (character ${at + 1})`);
    }
    characters += count;
  });
  if (characters === 0) throw emptyText(file);
  requireContent(file, beginning);
  const found: number[] = [];
  seen.forEach((isSeen, point) => {
    if (isSeen) found.push(point);
  });
  return { sha256, characters, points: found, beginning };
}

/** The error for a text that another program has changed between two passes. */
export const changedText = (file: string): UnspoolError =>
  invalidData(file, 'was changed while it was read.', 'Wait until the program that writes it has ended.');
