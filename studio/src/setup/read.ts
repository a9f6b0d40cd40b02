/** A file or a pasted text of one's own: text, or a table of numbers. What cannot be read is said, with what to do. */
import type { Own } from '../engine/tasks.js';

export const LARGEST = 20 * 2 ** 20;
const SHORTEST = 200;

/** Control characters that no text has, but bytes of anything else soon do. */
const isBinary = (text: string): boolean => {
  for (let i = 0; i < Math.min(text.length, 4096); i++) {
    const code = text.charCodeAt(i);
    if (code === 0xfffd || (code < 32 && code !== 9 && code !== 10 && code !== 13)) return true;
  }
  return false;
};

export async function readFile(file: File): Promise<NonNullable<Own>> {
  if (file.size > LARGEST) {
    throw new Error(
      `${file.name} has ${Math.round(file.size / 2 ** 20)} MB; the Studio takes up to ${LARGEST / 2 ** 20}. Cut a piece out of it, or train it with the command line: npx unspool train ${file.name}`,
    );
  }
  return readText(await file.text(), file.name);
}

export async function readText(text: string, name: string): Promise<NonNullable<Own>> {
  if (text.trim() === '')
    throw new Error(`${name} is empty. Give a text of at least ${SHORTEST} characters, or a CSV table.`);
  if (isBinary(text))
    throw new Error(`${name} is no text: it has bytes that no text has. Give plain text in UTF-8, or a CSV table.`);
  if (/\.csv$/i.test(name)) return readTable(text, name);
  if (text.length < SHORTEST)
    throw new Error(`${name} has ${text.length} characters, too few to learn from. Give at least ${SHORTEST}.`);
  return { kind: 'text', name, text };
}

/** The columns of numbers, in time's order; the last one is forecast. */
async function readTable(text: string, name: string): Promise<NonNullable<Own>> {
  const { csvParse } = await import('d3-dsv');
  const table = csvParse(text);
  if (table.length < 40)
    throw new Error(`${name} has ${table.length} rows below its header, too few to learn from. Give at least 40.`);
  const columns = table.columns.filter((column) => table.some((row) => isNumber(row[column])));
  if (columns.length === 0)
    throw new Error(
      `${name} has no column of numbers. The first line should name the columns, the others hold numbers with a point for decimals.`,
    );
  const rows = table.map((row, at) =>
    columns.map((column) => {
      const value = row[column];
      if (!isNumber(value)) {
        throw new Error(
          `${name}, line ${at + 2}: "${value ?? ''}" in column "${column}" is no number. Mend or remove that line, or take the column out.`,
        );
      }
      return Number(value);
    }),
  );
  return { kind: 'table', name, columns, rows };
}

const isNumber = (value: string | undefined): boolean =>
  value !== undefined && value.trim() !== '' && Number.isFinite(Number(value));
