/** A temporary file of tokens, which is deleted while it is open, so that nothing of it remains after a crash or a signal. */
import * as fs from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bytesText, UnspoolError } from '../errors.js';
import { fileAccessError, removeLeftovers, systemError, temporaryName } from './files.js';

/** Tokens of one, two or four bytes. */
type Tokens = Uint8Array | Uint16Array | Int32Array;

/** File descriptors: Node ends the process, or warns, when a `FileHandle` is collected that was not closed. */
const [open, write, close] = [promisify(fs.open), promisify(fs.write), promisify(fs.close)];

/** Closes files that were not closed. At the top level, because V8 may run no callback of a registry that is collected. */
const forgotten = new FinalizationRegistry<number>((fd) => fs.close(fd));

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** The smallest list of tokens for a vocabulary. */
export function tokenList(vocabularySize: number, length: number): Tokens {
  if (vocabularySize <= 1 << 8) return new Uint8Array(length);
  return vocabularySize <= 1 << 16 ? new Uint16Array(length) : new Int32Array(length);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Tokens): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The error of a disk without space for the tokens; any other error as `fileAccessError` converts it. */
function writeError(folder: string, needed: number, error: unknown): unknown {
  const cause = (error as NodeJS.ErrnoException).code ?? '';
  if (!FULL.includes(cause)) return fileAccessError(folder, 'written', error);
  return new UnspoolError({
    code: 'FILE_ACCESS',
    file: folder,
    cause,
    problem: `needs ${bytesText(needed)} of free space for a temporary file with the tokens of the text`,
    help: 'Free some space, or choose a folder on another disk.',
  });
}

/** A list of tokens in a file, of a fixed length. It is written once, from the start, and then read at any place. */
export class TokenFile {
  readonly vocabularySize: number;
  /** The open file; null after `close`. */
  private fd: number | null;
  private readonly folder: string;
  /** The size of the complete file. */
  readonly bytes: number;
  /** The file, where the system does not delete one that is open; else null. */
  private readonly path: string | null;
  private written = 0;

  private constructor(
    fd: number,
    sizes: { vocabularySize: number; bytes: number },
    folder: string,
    path: string | null,
  ) {
    this.fd = fd;
    forgotten.register(this, fd, this);
    this.vocabularySize = sizes.vocabularySize;
    this.bytes = sizes.bytes;
    this.folder = folder;
    this.path = path;
  }

  /** Makes a file in a folder, which is created if missing. Throws `FILE_ACCESS`, also for a disk with too little space. */
  static async create(folder: string, characters: number, vocabularySize: number): Promise<TokenFile> {
    const needed = characters * tokenList(vocabularySize, 0).BYTES_PER_ELEMENT;
    try {
      await mkdir(folder, { recursive: true });
      const name = join(folder, 'unspool-tokens');
      await removeLeftovers(name);
      const space = await statfs(folder).catch(() => null);
      if (space && space.blocks > 0 && space.bavail * space.bsize < needed) throw systemError('ENOSPC');
      const path = temporaryName(name);
      const fd = await open(path, 'wx+', 0o600);
      const isDeleted = await rm(path).then(
        () => true,
        () => false,
      );
      return new TokenFile(fd, { vocabularySize, bytes: needed }, folder, isDeleted ? null : path);
    } catch (error) {
      throw writeError(folder, needed, error);
    }
  }

  /** Writes the next tokens. Throws `FILE_ACCESS`. */
  async append(tokens: Tokens): Promise<void> {
    const bytes = bytesOf(tokens);
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await write(this.fd!, bytes, at, bytes.length - at, this.written);
        this.written += bytesWritten;
        at += bytesWritten;
      }
    } catch (error) {
      throw writeError(this.folder, this.bytes, error);
    }
  }

  /** Fills `into` with the tokens from `from`. Throws `FILE_ACCESS`, and `DISPOSED` after `close`. */
  read(into: Tokens, from: number): void {
    if (this.fd === null) throw new UnspoolError({ code: 'DISPOSED', what: 'the text', after: 'close()' });
    const bytes = bytesOf(into);
    const start = from * into.BYTES_PER_ELEMENT;
    try {
      for (let at = 0; at < bytes.length; ) {
        const count = fs.readSync(this.fd, bytes, at, bytes.length - at, start + at);
        if (count === 0) throw systemError('EIO'); // another program has cut the file
        at += count;
      }
    } catch (error) {
      throw fileAccessError(this.folder, 'read', error);
    }
  }

  /** Frees the space on the disk. */
  async close(): Promise<void> {
    const { fd, path } = this;
    if (fd === null) return;
    this.fd = null;
    forgotten.unregister(this);
    await close(fd);
    if (path !== null) await rm(path, { force: true }).catch(() => {});
  }
}
