/** Reads Parquet files with hyparquet, if it is installed. */
import { UnspoolError } from '../../index.js';
import { readBytes } from '../../node/index.js';
import { Table } from '../../tasks/index.js';
import { cellOf } from './cell.js';

/** Cells that a table may have; a damaged file can claim any number of rows. */
const MAX_CELLS = 1 << 27;

async function loadHyparquet(file: string): Promise<typeof import('hyparquet')> {
  try {
    return await import('hyparquet');
  } catch {
    throw new UnspoolError({
      ...{
        code: 'INVALID_FILE',
        file,
        problem: 'is a Parquet file, and the package that reads them is not installed.',
      },
      help: 'npm install hyparquet',
    });
  }
}

/**
 * Reads a Parquet file as a table. Columns of lists, objects or bytes are refused. Throws `FILE_ACCESS` and, also if hyparquet is not
 * installed, `INVALID_FILE`.
 */
export async function readParquet(file: string): Promise<Table> {
  const bytes = await readBytes(file);
  const { parquetMetadata, parquetRead } = await loadHyparquet(file);
  const bad = (problem: string, help = 'Uncompressed and Snappy files are read. Save others as CSV.') =>
    new UnspoolError({ code: 'INVALID_FILE', file, problem, help });
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  let [columns, rows]: [string[], unknown[][]] = [[], []];
  try {
    const metadata = parquetMetadata(buffer);
    const [root, ...fields] = metadata.schema;
    columns = fields.map(({ name }) => name);
    if (root?.num_children !== columns.length) throw new Error('a column of lists or objects');
    if (Number(metadata.num_rows) * columns.length > MAX_CELLS) throw new Error('too many rows');
    await parquetRead({ file: buffer, metadata, onComplete: (read) => (rows = read) });
  } catch (error) {
    throw bad(`cannot be read as Parquet: ${(error as Error).message}.`);
  }
  const cells = columns.map((name, c) =>
    rows.map((row) => {
      const cell = cellOf(row[c]);
      if (cell === undefined) throw bad(`column "${name}" has a list, an object or bytes.`, 'Leave the column out.');
      return cell;
    }),
  );
  return new Table({ name: file, columns, cells, lines: rows.map((_, i) => i + 1) });
}
