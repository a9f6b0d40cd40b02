/** Tables: named columns of cells, read as numbers, texts or dates when they are used. */
import { didYouMean, requireKeys, shown } from '../../checks.js';
import { invalidData, invalidSetting } from '../../errors.js';
import { parseDate } from './dates.js';

/** A cell: a text from CSV, or a value from JSON or NumPy. Null is missing. */
export type Cell = string | number | boolean | null;

/** What a `Table` is made of. */
export interface TableParts {
  /** The name of the file in messages. */
  readonly name: string;
  readonly columns: readonly string[];
  /** The cells of each column. */
  readonly cells: readonly ArrayLike<Cell>[];
  /** The line of each row in the file, from 1. */
  readonly lines: ArrayLike<number>;
  /** The file of each row, for a table of several files. Default: `name` for all. */
  readonly files?: ArrayLike<string>;
  /** The decimal separator of numbers in texts. Default `.`. */
  readonly decimal?: '.' | ',';
}

/** What a column has. */
export interface ColumnSummary {
  readonly name: string;
  /** `number` or `date` if all cells are, apart from missing ones; else `text`. */
  readonly type: 'number' | 'date' | 'text';
  readonly missing: number;
  /** The number of different cells, without missing ones. */
  readonly distinct: number;
  readonly first: string;
}

/** Cells that mean "missing", without case and blanks. */
const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?', '-', '.', '#n/a']);
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

const isMissing = (cell: Cell): boolean =>
  cell === null || (typeof cell === 'string' ? MISSING.has(cell.trim().toLowerCase()) : Number.isNaN(cell));

/** A table: columns of equal length by name. */
export class Table {
  /** The name of the file in messages. */
  readonly name: string;
  /** The names of the columns. */
  readonly columns: readonly string[];
  /** The number of rows. */
  readonly rows: number;
  private readonly cells: readonly ArrayLike<Cell>[];
  private readonly lines: ArrayLike<number>;
  private readonly files: ArrayLike<string> | undefined;
  private readonly decimal: '.' | ',';

  /** Use `parseCsv`, `parseJsonLines` or `parseNpy`. Throws `INVALID_SETTING` unless all columns have one cell per line. */
  constructor(parts: TableParts) {
    requireKeys('table', parts, ['name', 'columns', 'cells', 'lines', 'files', 'decimal']);
    const { name, columns, cells, lines, files, decimal = '.' } = parts;
    const isComplete =
      [columns, cells, lines, files ?? []].every((list) => Array.isArray(list) || ArrayBuffer.isView(list)) &&
      (files === undefined || files.length === lines.length) &&
      cells.length === columns.length &&
      [...cells].every((list) => list?.length === lines.length);
    if (!isComplete)
      throw invalidSetting('table.cells', 'must have a list for each column, with a cell for each line.');
    if (typeof name !== 'string') throw invalidSetting('table.name', `must be a string, got ${shown(name)}.`);
    this.name = name;
    this.columns = columns;
    this.rows = lines.length;
    this.cells = cells;
    this.lines = lines;
    this.files = files;
    this.decimal = decimal;
  }

  /** The numbers of a column, NaN where one is missing. Throws `INVALID_DATA` with the line of a cell that is not a number. */
  numbers(column: string): Float64Array {
    const cells = this.cellsOf(column);
    return Float64Array.from({ length: this.rows }, (_, row) => {
      const cell = cells[row]!;
      if (isMissing(cell)) return Number.NaN;
      const number = this.toNumber(cell);
      if (Number.isFinite(number)) return number;
      const problem = `must be a number, got ${shown(cell)}.`;
      throw invalidData(this.place(row, column), problem, this.numberHelp(cell));
    });
  }

  /** The cells of a column as texts, null where one is missing. */
  texts(column: string): (string | null)[] {
    const cells = this.cellsOf(column);
    return Array.from({ length: this.rows }, (_, row) => (isMissing(cells[row]!) ? null : String(cells[row]).trim()));
  }

  /** The cells of a column as they are written, with blanks and words such as `none`; "" where one is missing. */
  strings(column: string): string[] {
    const cells = this.cellsOf(column);
    return Array.from({ length: this.rows }, (_, row) => String(cells[row] ?? ''));
  }

  /**
   * The dates in a column, or in columns with the year, month and day, as milliseconds since 1970 in UTC. Throws `INVALID_DATA`
   * with the line of a cell that is missing or not a date.
   */
  times(column: string | readonly string[]): Float64Array {
    if (typeof column === 'string' || column?.length === 1) {
      const name = typeof column === 'string' ? column : column[0]!;
      const cells = this.cellsOf(name);
      return Float64Array.from({ length: this.rows }, (_, row) => this.timeIn(row, name, String(cells[row] ?? '')));
    }
    if (!Array.isArray(column) || column.length !== 3) {
      throw invalidSetting('column', `must name one column, or those of year, month and day, got ${shown(column)}.`);
    }
    const parts = column.map((name: string) => this.cellsOf(name));
    return Float64Array.from({ length: this.rows }, (_, row) => {
      const text = parts.map((cells, i) => String(cells[row] ?? '').padStart(i === 0 ? 4 : 2, '0')).join('-');
      return this.timeIn(row, column.join('", "'), text);
    });
  }

  /** Where a cell is, for a message: file, line and column. */
  place(row: number, column?: string): string {
    return `${this.files?.[row] ?? this.name}, line ${this.lines[row]}${column === undefined ? '' : `, column "${column}"`}`;
  }

  /** The line of a row in the file, from 1. */
  lineOf(row: number): number {
    return this.lines[row]!;
  }

  /** What each column has: its type, and how many cells are missing. */
  describe(): ColumnSummary[] {
    return this.columns.map((name, column) => {
      const given = Array.from(this.cells[column]!).filter((cell) => !isMissing(cell));
      const is = (test: (cell: Cell) => boolean): boolean => given.length > 0 && given.every(test);
      const isNumber = is((cell) => Number.isFinite(this.toNumber(cell)));
      const isDate = is((cell) => typeof cell === 'string' && !NUMBER.test(cell) && Number.isFinite(parseDate(cell)));
      return {
        name,
        type: isNumber ? 'number' : isDate ? 'date' : 'text',
        missing: this.rows - given.length,
        distinct: new Set(given).size,
        first: given.length > 0 ? String(given[0]).slice(0, 40) : '',
      };
    });
  }

  private cellsOf(column: string): ArrayLike<Cell> {
    const at = this.columns.indexOf(column);
    if (at >= 0) return this.cells[at]!;
    const suggestion = typeof column === 'string' ? didYouMean(column, this.columns) : '';
    throw invalidSetting(
      'column',
      `unknown column ${shown(column)}.${suggestion}`,
      `The columns of ${this.name} are ${this.columns.slice(0, 20).join(', ')}.`,
    );
  }

  private toNumber(cell: Cell): number {
    if (typeof cell === 'number') return cell;
    if (typeof cell !== 'string') return Number.NaN;
    const text = this.decimal === ',' ? cell.trim().replace(/^([-+]?\d*),/, '$1.') : cell.trim();
    return NUMBER.test(text) ? Number(text) : Number.NaN;
  }

  private numberHelp(cell: Cell): string {
    const isComma = typeof cell === 'string' && /^\s*[-+]?\d+(\.\d{3})*,\d+\s*$/.test(cell);
    if (isComma && this.decimal === '.') return 'If its comma is a decimal comma, set decimal to ",".';
    return 'Correct the cell, or leave it empty if the value is missing.';
  }

  private timeIn(row: number, column: string, text: string): number {
    const time = parseDate(text);
    if (Number.isFinite(time)) return time;
    const help = 'Write dates as 2024-01-31, and times as 2024-01-31 23:59.';
    throw invalidData(this.place(row, column), `must be a date, got ${shown(text)}.`, help);
  }
}
