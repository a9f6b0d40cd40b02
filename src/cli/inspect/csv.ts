/** Reads comma-separated values (RFC 4180) without generating code, which a policy may forbid. */
import { UnspoolError } from '../../errors.js';

/** A cell and what ends it. In quotes it may contain commas and line breaks, and quotes that are written twice. */
const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

/** The cells of each line. Throws `INVALID_FILE`, with the number of the line. */
export function rowsOfCsv(text: string, file: string): string[][] {
  const rows: string[][] = [];
  const cell = new RegExp(CELL);
  let row: string[] = [];
  while (cell.lastIndex < text.length || row.length > 0) {
    const match = cell.exec(text);
    if (!match) {
      const problem = `line ${rows.length + 1}: a quote is not closed, or does not enclose a whole cell.`;
      throw new UnspoolError({
        code: 'INVALID_FILE',
        file,
        problem,
        help: 'Write a quote in a cell twice, and enclose the cell in quotes.',
      });
    }
    const [, quoted, bare = '', end] = match;
    row.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
