/** Writes the files that a command makes of a model. */
import { UnspoolError } from '../index.js';
import { writeFileAtomic } from '../node/index.js';
import { exists } from '../node/read.js';
import { UsageError } from './command.js';
import { grouped, type Output } from './output.js';
import { type NamedFile, requireSeparate } from './paths.js';

/** A file to write. */
export interface NewFile {
  readonly file: string;
  readonly content: string | Uint8Array;
}

/** Throws `UsageError` if one of the files exists and `force` is false, or if one would overwrite `input`. */
export async function requireNew(files: readonly string[], input: NamedFile, force: boolean): Promise<void> {
  await requireSeparate(
    files.map((file) => ['--out', file] as const),
    [input],
  );
  for (const file of files) if (!force && (await exists(file))) throw alreadyExists(file);
}

/** Writes files, and prints their names and sizes. The files are new, or `force` is true: see `requireNew`. */
export async function saveFiles(out: Output, files: readonly NewFile[], force: boolean): Promise<void> {
  for (const { file, content } of files) {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    await write(file, bytes, force);
    out.print(`${file}  ${grouped(bytes.length)} bytes`);
    out.record({ kind: 'file', file, bytes: bytes.length });
  }
}

const alreadyExists = (file: string): UsageError =>
  new UsageError(`${file} already exists. Use --force to overwrite it, or another --out.`);

/** Writes a file; an existing one only with `--force`, also if another process has just made it. */
async function write(file: string, bytes: Uint8Array, force: boolean): Promise<void> {
  try {
    await writeFileAtomic(file, bytes, { replace: force });
  } catch (error) {
    const isThere =
      error instanceof UnspoolError && error.problem.code === 'FILE_ACCESS' && error.problem.cause === 'EEXIST';
    throw isThere ? alreadyExists(file) : error;
  }
}
