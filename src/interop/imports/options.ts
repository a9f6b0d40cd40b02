/** The options of imports, and their check. */
import { requireFunction, requireKeys, requireOptional, shown } from '../../checks.js';
import { invalidData } from '../../errors.js';
import type { ImportSource } from './imported.js';

/** How a file is imported. */
export interface ImportOptions {
  /**
   * The name of an LSTM, or of a part of the model that contains LSTMs. Only it is imported. Default: the whole file, which is
   * an error if a layer of it cannot be imported.
   */
  readonly node?: string;
  /** The name of the file in messages. */
  readonly file?: string;
}

/** `ImportOptions` for any format. */
export interface ImportModelOptions extends ImportOptions {
  /** Reads another file that the file names, such as a shard of weights, by its path from the folder of the file. */
  readonly part?: (path: string) => Promise<Uint8Array>;
}

/** What a reader may need except the bytes. */
export interface OpenOptions {
  /** The name of the file in messages. */
  readonly file: string;
  /** Reads another file that the file names, by its path from the folder of the file. Null: only one file was given. */
  readonly part: ((path: string) => Promise<Uint8Array>) | null;
}

/** Opens a file of one format. Throws `INVALID_FILE`. */
export type Open = (bytes: Uint8Array, options: OpenOptions) => ImportSource | Promise<ImportSource>;

/** Throws `INVALID_DATA` or `INVALID_SETTING` for arguments of a wrong kind. `more` are keys that `options` may also have. */
export function requireImport(bytes: unknown, options: ImportModelOptions, more: readonly string[] = []): void {
  if (!(bytes instanceof Uint8Array)) throw invalidData('bytes', `must be a Uint8Array, got ${shown(bytes)}.`);
  requireKeys('options', options, ['node', 'file', ...more]);
  requireOptional('node', options.node, 'string');
  requireOptional('file', options.file, 'string');
  if (options.part !== undefined) requireFunction('part', options.part);
}
