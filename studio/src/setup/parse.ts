/** Parses the user's data: a text, or a table of numbers. */
import type { UserData } from '../engine/tasks/task.js';

const MIB = 2 ** 20;
const MAX_BYTES = 20 * MIB;
const MIN_CHARACTERS = 200;
const MIN_ROWS = 50;
/** Characters that are searched for control characters. */
const PROBED = 4096;

/** What a decoder puts where bytes are not UTF-8. */
const REPLACED = '\ufffd';

/** Whether the text has control characters, which only binary files have. */
function isBinary(text: string): boolean {
  for (let i = 0; i < Math.min(text.length, PROBED); i++) {
    const code = text.charCodeAt(i);
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return true;
  }
  return false;
}

export async function parseFile(file: File): Promise<NonNullable<UserData>> {
  if (file.size > MAX_BYTES)
    throw new Error(
      `${file.name} has ${Math.round(file.size / MIB)} MB; the Studio accepts up to ${MAX_BYTES / MIB} MB. Use a part of it, or train on it with the command line: npx unspool train ${file.name}`,
    );
  return parseText(await file.text(), file.name);
}

export async function parseText(text: string, name: string): Promise<NonNullable<UserData>> {
  if (text.trim() === '')
    throw new Error(`${name} is empty. Provide a text of at least ${MIN_CHARACTERS} characters, or a CSV table.`);
  if (isBinary(text)) throw new Error(`${name} is a binary file. Provide plain text in UTF-8, or a CSV table.`);
  if (text.includes(REPLACED))
    throw new Error(`${name} is not in UTF-8. Save it with the encoding UTF-8, then open it again.`);
  if (/\.[ct]sv$/i.test(name)) return parseTable(text, name);
  if (text.length < MIN_CHARACTERS)
    throw new Error(`${name} has ${text.length} characters; training needs at least ${MIN_CHARACTERS}.`);
  return { kind: 'text', name, text };
}

/** The separator of a table: the one of comma, semicolon and tab that its first line has most of. */
function separatorOf(text: string): string {
  const line = text.slice(0, text.search(/[\r\n]|$/));
  const count = (separator: string): number => line.split(separator).length;
  return [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best));
}

/** The numeric columns. Rows must be in order of time; the last column is forecast. */
async function parseTable(text: string, name: string): Promise<NonNullable<UserData>> {
  const { dsvFormat } = await import('d3-dsv');
  const all = dsvFormat(separatorOf(text)).parseRows(text); // not parse, which creates functions from the header line
  const header = (all[0] ?? []).map((title, i) => title.trim() || `column ${i + 1}`);
  requireTitles(header, name);
  const lines = all
    .map((values, i) => ({ values, line: i + 1 }))
    .slice(1)
    .filter(({ values }) => values.length > 1 || values[0] !== ''); // without blank lines
  requireEnoughLines(lines.length, text, name);
  const numeric = [...header.keys()].filter((i) => lines.some(({ values }) => isNumber(values[i])));
  requireNumbers(numeric, lines, name);
  const rows = lines.map(({ values, line }) => {
    if (values.length !== header.length)
      throw new Error(
        `${name}, line ${line}: it has ${values.length} cells, but the first line names ${header.length} columns. Correct or remove the line.`,
      );
    return numeric.map((i) => {
      if (isNumber(values[i])) return Number(values[i]);
      throw new Error(
        `${name}, line ${line}: column "${header[i]}" must be a number, got "${values[i]}". Correct or remove the line, or remove the column.`,
      );
    });
  });
  const ignored = header.filter((_, i) => !numeric.includes(i));
  return { kind: 'table', name, columns: numeric.map((i) => header[i]!), rows, ignored };
}

function requireTitles(header: readonly string[], name: string): void {
  if (!header.every(isNumber)) return;
  throw new Error(
    `${name}: the first line must name the columns, but it has only numbers (${header.slice(0, 3).join(', ')}). Add a line with a name for each column.`,
  );
}

function requireEnoughLines(count: number, text: string, name: string): void {
  if (count >= MIN_ROWS) return;
  const isOpen = text.split('"').length % 2 === 0;
  throw new Error(
    `${name} has ${count} rows below its header; training needs at least ${MIN_ROWS}.${isOpen ? ' A quotation mark (") in it is not closed, which hides the lines after it.' : ''}`,
  );
}

type Lines = readonly { readonly values: readonly string[] }[];

function requireNumbers(numeric: readonly number[], lines: Lines, name: string): void {
  if (numeric.length > 0) return;
  const withComma = lines.flatMap(({ values }) => values).find((value) => /^\s*-?\d+,\d+\s*$/.test(value));
  const help = withComma
    ? `Numbers must use a decimal point, but the file has "${withComma.trim()}".`
    : 'The first line must name the columns; the cells of at least one column must be numbers.';
  throw new Error(`${name} has no numeric column. ${help}`);
}

const isNumber = (value: string | undefined): boolean =>
  value !== undefined && value.trim() !== '' && Number.isFinite(Number(value));
