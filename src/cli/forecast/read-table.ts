/** Reads the table in a file. */
import { readBytes, readText } from '../../node/index.js';
import { parseCsv, parseJsonLines, parseNpy, type Table } from '../../tasks/index.js';
import { readParquet } from './parquet.js';

/**
 * Reads JSON Lines (.jsonl, .ndjson), NumPy (.npy), Parquet (.parquet) or, with any other name, CSV. Throws `FILE_ACCESS` and
 * `INVALID_FILE`.
 */
export async function readTable(
  file: string,
  { decimal }: { readonly decimal?: string | undefined } = {},
): Promise<Table> {
  if (/\.npy$/i.test(file)) return parseNpy(await readBytes(file), { name: file });
  if (/\.parquet$/i.test(file)) return readParquet(file);
  const text = await readText(file);
  if (/\.(jsonl|ndjson)$/i.test(file)) return parseJsonLines(text, { name: file });
  return parseCsv(text, { name: file, ...(decimal !== undefined && { decimal: decimal as '.' | ',' }) });
}
