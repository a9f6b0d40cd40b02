/** Parses the user's data: a text, or a table of numbers. */
import type { UserData } from '../engine/tasks/task.js';

const MIB = 2 ** 20;
const MAX_BYTES = 20 * MIB;
const MIN_CHARACTERS = 200;
const MIN_ROWS = 40;
/** Characters that are searched for control characters. */
const PROBED = 4096;

/** Whether the text has control characters, which only binary files have. */
function isBinary(text: string): boolean {
  for (let i = 0; i < Math.min(text.length, PROBED); i++) {
    const code = text.charCodeAt(i);
    if (code === 0xfffd || (code < 32 && code !== 9 && code !== 10 && code !== 13)) return true;
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
  if (/\.csv$/i.test(name)) return parseTable(text, name);
  if (text.length < MIN_CHARACTERS)
    throw new Error(`${name} has ${text.length} characters; training needs at least ${MIN_CHARACTERS}.`);
  return { kind: 'text', name, text };
}

/** The numeric columns. Rows must be in order of time; the last column is forecast. */
async function parseTable(text: string, name: string): Promise<NonNullable<UserData>> {
  const { csvParseRows } = await import('d3-dsv'); // not csvParse, which creates functions from the header line
  const [header = [], ...cells] = csvParseRows(text);
  const lines = cells
    .map((values, i) => ({ values, line: i + 2 }))
    .filter(({ values }) => values.length > 1 || values[0] !== ''); // without blank lines
  if (lines.length < MIN_ROWS)
    throw new Error(`${name} has ${lines.length} rows below its header; training needs at least ${MIN_ROWS}.`);
  const numeric = [...header.keys()].filter((i) => lines.some(({ values }) => isNumber(values[i])));
  const columns = numeric.map((i) => header[i]!);
  if (columns.length === 0)
    throw new Error(
      `${name} has no numeric column. The first line must name the columns; numbers must use a decimal point.`,
    );
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
  return { kind: 'table', name, columns, rows };
}

const isNumber = (value: string | undefined): boolean =>
  value !== undefined && value.trim() !== '' && Number.isFinite(Number(value));
