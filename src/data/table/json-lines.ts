/** Reads JSON Lines: one JSON object per line. */
import { isObject, requireOptional, requireOptions, shown } from '../../checks.js';
import { invalidData, UnspoolError } from '../../errors.js';
import { type Cell, Table } from './table.js';

const MAX_COLUMNS = 1 << 16;

const isCell = (value: unknown): value is Cell =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/**
 * Reads a table from lines with one JSON object each, whose keys are the columns. A key that a line does not have is missing there.
 * Blank lines are skipped. Throws `INVALID_FILE` with the name of the file and the line.
 */
export function parseJsonLines(text: string, options: { readonly name?: string } = {}): Table {
  requireOptions('options', options, ['name']);
  if (typeof text !== 'string') throw invalidData('text', `must be a string, got ${shown(text)}.`);
  const { name = 'table' } = options;
  requireOptional('options.name', name, 'string');
  const bad = (problem: string, help: string): UnspoolError =>
    new UnspoolError({ code: 'INVALID_FILE', file: name, problem, help });
  const columns = new Map<string, Cell[]>();
  const lines: number[] = [];
  text.split(/\r\n|\r|\n/).forEach((source, i) => {
    if (source.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch (error) {
      throw bad(`line ${i + 1} is not valid JSON: ${(error as Error).message}.`, 'Write one JSON object per line.');
    }
    if (!isObject(value)) throw bad(`line ${i + 1} must be a JSON object.`, 'Write one JSON object per line.');
    for (const [key, cell] of Object.entries(value)) {
      if (!isCell(cell)) {
        const help = 'Values must be strings, numbers, true, false or null.';
        throw bad(`line ${i + 1}: "${key}" is ${Array.isArray(cell) ? 'a list' : 'an object'}.`, help);
      }
      if (!columns.has(key)) {
        if (columns.size === MAX_COLUMNS) throw bad(`has more than ${MAX_COLUMNS} different keys.`, 'Remove some.');
        columns.set(key, new Array<Cell>(lines.length).fill(null));
      }
      columns.get(key)!.push(cell);
    }
    lines.push(i + 1);
    for (const cells of columns.values()) if (cells.length < lines.length) cells.push(null);
  });
  if (lines.length === 0) throw bad('the file is empty.', 'Write one JSON object per line.');
  return new Table({ name, columns: [...columns.keys()], cells: [...columns.values()], lines });
}
