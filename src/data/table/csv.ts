/** Reads comma-separated values (RFC 4180) without generating code, which a policy may forbid. */
import { requireChoice, requireOptional, requireOptions, shown } from '../../checks.js';
import { invalidData, invalidSetting, UnspoolError } from '../../errors.js';
import { Table } from './table.js';

/** A record of a CSV text. */
export interface CsvRow {
  readonly cells: readonly string[];
  /** The line that it starts at, from 1. A cell in quotes may contain line breaks. */
  readonly line: number;
}

/** Options of `parseCsv`. */
export interface CsvOptions {
  /** The name of the file in messages. Default `table`. */
  readonly name?: string;
  /** The character between two cells. Default: the one of comma, semicolon and tab that the first line has most of. */
  readonly separator?: ',' | ';' | '\t';
  /** The decimal separator of numbers. Default `.`. */
  readonly decimal?: '.' | ',';
}

const SEPARATORS = [',', ';', '\t'] as const;
const LINE_BREAK = /\r\n|\r|\n/g;

const bad = (file: string, problem: string, help: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_FILE', file, problem, help });

const badQuote = (file: string, line: number): UnspoolError =>
  bad(
    file,
    `line ${line}: a quote is not closed, or does not enclose a whole cell.`,
    'Write a quote in a cell twice, and enclose the cell in quotes.',
  );

/** The records of a CSV text. Throws `INVALID_FILE`, with the number of the line, for a misplaced quote. */
export function csvRows(text: string, file: string, separator = ','): CsvRow[] {
  const rows: CsvRow[] = [];
  const end = new RegExp(`[${separator}"\\r\\n]|$`, 'g');
  let at = 0;
  let line = 1;
  /** Reads the cell at `at` and moves to what ends it. */
  const readCell = (): string => {
    if (text[at] === '"') {
      const from = at + 1;
      let to = text.indexOf('"', from);
      while (to >= 0 && text[to + 1] === '"') to = text.indexOf('"', to + 2);
      if (to < 0) throw badQuote(file, line);
      const cell = text.slice(from, to);
      at = to + 1;
      line += cell.match(LINE_BREAK)?.length ?? 0;
      return cell.replaceAll('""', '"');
    }
    end.lastIndex = at;
    const { index } = end.exec(text)!;
    const cell = text.slice(at, index);
    at = index;
    return cell;
  };
  while (at < text.length) {
    const first = line;
    const cells = [readCell()];
    while (text[at] === separator) {
      at++;
      cells.push(readCell());
    }
    if (at < text.length && text[at] !== '\n' && text[at] !== '\r') throw badQuote(file, line);
    rows.push({ cells, line: first });
    at += text.startsWith('\r\n', at) ? 2 : 1;
    line++;
  }
  return rows;
}

/** The separator that the first line has most of. */
function separatorOf(text: string): string {
  const line = text.slice(0, text.search(/[\r\n]|$/));
  const count = (separator: string): number => line.split(separator).length;
  return SEPARATORS.reduce<string>((best, one) => (count(one) > count(best) ? one : best), ',');
}

/**
 * Reads a table from CSV whose first line names the columns. Blank lines are skipped. Throws `INVALID_FILE` with the name of the
 * file and the line for a text that is empty, has a line with more or fewer cells than the first, or a misplaced quote.
 *
 * @example
 * const table = parseCsv('date,births\n1969-01-01,8486\n1969-01-02,9002');
 * table.numbers('births'); // [8486, 9002]
 */
export function parseCsv(text: string, options: CsvOptions = {}): Table {
  requireOptions('options', options, ['name', 'separator', 'decimal']);
  if (typeof text !== 'string') throw invalidData('text', `must be a string, got ${shown(text)}.`);
  const { name = 'table', decimal = '.' } = options;
  requireOptional('options.name', name, 'string');
  requireChoice('options.decimal', decimal, ['.', ',']);
  const { separator = separatorOf(text) } = options;
  requireChoice('options.separator', separator, SEPARATORS);
  if (separator === decimal) {
    throw invalidSetting('options.decimal', 'must differ from the separator of the cells.', 'Set separator, too.');
  }
  const rows = csvRows(text.replace(/^\ufeff/, ''), name, separator).filter(
    ({ cells }) => cells.length > 1 || cells[0]!.trim() !== '',
  );
  const [header, ...body] = rows;
  if (!header) throw bad(name, 'the file is empty.', 'Give a table whose first line names the columns.');
  const columns = header.cells.map((cell) => cell.trim());
  requireNames(columns, name);
  if (body.length === 0) throw bad(name, 'has only the line that names the columns.', 'Add rows.');
  for (const { cells, line } of body) {
    if (cells.length === columns.length) continue;
    throw bad(
      name,
      `line ${line} has ${cells.length} cells; the first line has ${columns.length}.`,
      'Correct or remove that line.',
    );
  }
  return new Table({
    name,
    decimal,
    columns,
    cells: columns.map((_, column) => body.map(({ cells }) => cells[column]!)),
    lines: body.map(({ line }) => line),
  });
}

function requireNames(columns: readonly string[], name: string): void {
  const help = 'The first line must name the columns.';
  if (columns.every((title) => title !== '' && Number.isFinite(Number(title)))) {
    throw bad(name, `the first line has only numbers (${columns.slice(0, 3).join(', ')}).`, help);
  }
  const empty = columns.indexOf('');
  if (empty >= 0) throw bad(name, `line 1: column ${empty + 1} has no name.`, help);
  const twice = columns.find((title, i) => columns.indexOf(title) !== i);
  if (twice !== undefined) {
    throw bad(name, `line 1: two columns are called "${twice}".`, 'Give each column another name.');
  }
}
