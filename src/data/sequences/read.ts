/** Samples: sequences with labels, read from tables and plain texts. */
import { shown } from '../../checks.js';
import { invalidData } from '../../errors.js';
import type { Table } from '../table/table.js';
import { groupedBy } from './grouped.js';
import type { LabelTask, SequenceSettings } from './options.js';

/** One sequence. A text has `tokens`; numbers have `values`, [steps, width]. */
export interface Sample {
  /** Where it is, for a message: file and line. */
  readonly place: string;
  readonly steps: number;
  readonly tokens: readonly string[];
  readonly values: Float64Array;
  /** The class; or the tags, one per step. Empty if they are not known. */
  readonly labels: readonly string[];
  readonly group: string | null;
  /** Steps at the beginning and the end that are only read, without labels that count. */
  readonly margins: readonly [before: number, after: number];
}

/** What is read of a table. */
interface Reading {
  readonly settings: SequenceSettings;
  readonly task: LabelTask;
  /** Whether it has labels. */
  readonly isLabeled: boolean;
}

const NONE = new Float64Array(0);
const NO_MARGINS = [0, 0] as const;

/** The steps of a text. */
export function tokensOf(text: string, { units, lowerCase }: SequenceSettings): string[] {
  const read = lowerCase ? text.toLowerCase() : text;
  return units === 'words' ? read.split(/\s+/).filter((word) => word !== '') : [...read];
}

const emptyCell = (where: string): Error => invalidData(where, 'must not be empty.', 'Correct or remove that line.');

function requireSome(table: Table, rows: number): void {
  if (rows === 0) throw invalidData(table.name, 'has no sample.', 'Give at least one line.');
}

/** The tags in a cell: one per character of the cell if there is one for each step, else separated by blanks. */
function tagsIn(cell: string, steps: number): string[] {
  const parts = cell.split(/\s+/).filter((tag) => tag !== '');
  return parts.length !== steps && parts.length === 1 && [...cell].length === steps ? [...cell] : parts;
}

function labelsIn(cell: string, steps: number, task: LabelTask, where: string): string[] {
  const label = cell.trim();
  if (label === '') throw emptyCell(where);
  if (task === 'classification') return [label];
  const tags = tagsIn(label, steps);
  if (tags.length === steps) return tags;
  const problem = `has ${tags.length} tags for ${steps} time steps.`;
  throw invalidData(where, problem, 'Give one tag per character or word (see units), separated by blanks.');
}

function textSamples(table: Table, { settings, task, isLabeled }: Reading): Sample[] {
  const column = settings.text!;
  const texts = table.strings(column);
  const labels = isLabeled ? table.strings(settings.label!) : null;
  const groups = isLabeled && settings.group !== null ? table.strings(settings.group) : null;
  return texts.map((text, row) => {
    const tokens = tokensOf(text, settings);
    if (text.trim() === '') throw emptyCell(table.place(row, column));
    const found = labels ? labelsIn(labels[row]!, tokens.length, task, table.place(row, settings.label!)) : [];
    return {
      place: table.place(row),
      steps: tokens.length,
      tokens,
      values: NONE,
      labels: found,
      group: groups?.[row] ?? null,
      margins: NO_MARGINS,
    };
  });
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** The numbers of a cell that has a whole sequence. */
function numbersIn(cell: string, where: string): Float64Array {
  const parts = cell.trim().split(/[\s;]+/);
  const bad = parts.find((part) => !NUMBER.test(part));
  if (bad === undefined) return Float64Array.from(parts, Number);
  const problem = cell.trim() === '' ? 'must not be empty.' : `must be numbers separated by blanks, got ${shown(bad)}.`;
  throw invalidData(where, problem, 'Correct the cell.');
}

/** The columns of numbers, without missing ones. */
function completeColumns(table: Table, names: readonly string[]): Float64Array[] {
  return names.map((name) => {
    const column = table.numbers(name);
    const missing = column.findIndex((value) => Number.isNaN(value));
    if (missing < 0) return column;
    throw invalidData(
      table.place(missing, name),
      'must be a number, but it is missing.',
      'Fill it or remove that line.',
    );
  });
}

/** Rows that are one sequence each. */
function valueSamples(table: Table, { settings, task, isLabeled }: Reading): Sample[] {
  const { values: names } = settings;
  const labels = isLabeled ? table.strings(settings.label!) : null;
  const groups = isLabeled && settings.group !== null ? table.strings(settings.group) : null;
  const cells = names.length === 1 ? table.strings(names[0]!) : null;
  const columns = cells ? [] : completeColumns(table, names);
  return Array.from({ length: table.rows }, (_, row) => {
    const values = cells
      ? numbersIn(cells[row]!, table.place(row, names[0]!))
      : Float64Array.from(columns, (column) => column[row]!);
    const found = labels ? labelsIn(labels[row]!, values.length, task, table.place(row, settings.label!)) : [];
    return {
      place: table.place(row),
      steps: values.length,
      tokens: [],
      values,
      labels: found,
      group: groups?.[row] ?? null,
      margins: NO_MARGINS,
    };
  });
}

/** Rows that are one time step each: those of one name are a sequence, in the order of the table. */
function stepSamples(table: Table, { settings, task, isLabeled }: Reading): Sample[] {
  const { values: names, sequence, label, group } = settings;
  const columns = completeColumns(table, names);
  const rowsOf = groupedBy(
    table.strings(sequence!).map((name, row) => ({ name, row })),
    ({ name }) => name,
  );
  const labels = isLabeled ? table.strings(label!) : null;
  const groups = isLabeled && group !== null ? table.strings(group) : null;
  return [...rowsOf.values()].map((entries) => {
    const rows = entries.map(({ row }) => row);
    const [first] = rows;
    const all = labels
      ? rows.map((row) => labelsIn(labels[row]!, 1, 'classification', table.place(row, label!))[0]!)
      : [];
    const other = all.findIndex((one) => one !== all[0]);
    if (task === 'classification' && other >= 0) {
      const problem = `is ${shown(all[other])}, but the sequence began with ${shown(all[0])}.`;
      throw invalidData(table.place(rows[other]!, label!), problem, 'All rows of a sequence have the same class.');
    }
    const values = Float64Array.from(rows.flatMap((row) => columns.map((column) => column[row]!)));
    return {
      ...{ place: table.place(first!), steps: rows.length, tokens: [], values, margins: NO_MARGINS },
      ...{ labels: task === 'classification' ? all.slice(0, 1) : all, group: groups?.[first!] ?? null },
    };
  });
}

/** The samples of a table. Throws `INVALID_DATA` with file, line and column, and `INVALID_SETTING` for a column that it does not have. */
export function readSamples(table: Table, reading: Reading): Sample[] {
  requireSome(table, table.rows);
  const { text, sequence } = reading.settings;
  if (text !== null) return textSamples(table, reading);
  return sequence === null ? valueSamples(table, reading) : stepSamples(table, reading);
}

/** The tags of a plain text: whether a space follows a character. */
export const SPACE = 'space';
export const NO_SPACE = 'none';

/** The characters of a plain text without white space, and the tag of each. */
export function spacesOf(text: string, settings: SequenceSettings): { tokens: string[]; labels: string[] } {
  const [tokens, labels]: [string[], string[]] = [[], []];
  for (const word of text.split(/\s+/)) {
    const characters = tokensOf(word, settings);
    characters.forEach((character, i) => {
      tokens.push(character);
      labels.push(i === characters.length - 1 ? SPACE : NO_SPACE);
    });
  }
  return { tokens, labels };
}

/**
 * Cuts a sequence into samples of `length` steps that count. Each also reads `context` steps before and after them, where the
 * sequence has them, so that all predictions know both sides.
 */
export function cutSequence(
  { tokens, labels }: { readonly tokens: readonly string[]; readonly labels: readonly string[] },
  { length, context }: { readonly length: number; readonly context: number },
  name: string,
): Sample[] {
  const samples: Sample[] = [];
  for (let from = 0; from < tokens.length; from += length) {
    const to = Math.min(tokens.length, from + length);
    const [first, last] = [Math.max(0, from - context), Math.min(tokens.length, to + context)];
    samples.push({
      ...{ place: `${name}, characters ${from + 1} to ${to}`, steps: last - first, values: NONE, group: null },
      ...{ tokens: tokens.slice(first, last), labels: labels.slice(first, last), margins: [from - first, last - to] },
    });
  }
  return samples;
}
