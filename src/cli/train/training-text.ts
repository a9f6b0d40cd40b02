/** The text of a training: not a table or other data, which people also try. */
import { invalidData } from '../../errors.js';
import { readText } from '../../node/index.js';

/** Characters that are searched for a table. */
const PROBED = 1 << 16;
/** A table has at least this share of rows with the same number of cells, and at least this share of numbers. */
const SAME_LENGTH = 0.95;
const NUMBERS = 0.5;
const MIN_ROWS = 3;
const MAX_JSON = 1 << 26;

const SEPARATORS: readonly (string | RegExp)[] = ['\t', ';', ',', / +/];
const isNumber = (cell: string): boolean => /^\s*"?[-+]?[\d.]*\d[\d.]*(e[-+]?\d+)?"?\s*$/i.test(cell);
const isJson = (text: string): boolean => {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
};

/** What the lines are a table of, in a few words; null for a text. */
function tableIn(lines: readonly string[]): string | null {
  if (lines.length < MIN_ROWS) return null;
  const body = lines.slice(1); // the first line may have the names of the columns
  const numbers = body.filter(isNumber).length;
  if (numbers / body.length >= SAME_LENGTH) return 'a list of numbers';
  for (const separator of SEPARATORS) {
    const rows = body.map((line) => line.trim().split(separator));
    const width = rows[0]!.length;
    const cells = rows.flat();
    const isRegular = rows.filter(({ length }) => length === width).length / rows.length >= SAME_LENGTH;
    if (width > 1 && isRegular && cells.filter(isNumber).length / cells.length >= NUMBERS) {
      return `a table of ${width} columns`;
    }
  }
  return null;
}

/** What a file of `length` characters is, by its beginning or all of it, if it is data rather than text; else null. */
export function dataIn(file: string, beginning: string, length: number): string | null {
  const probe = beginning.slice(0, PROBED);
  const lines = probe.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (probe.length < length) lines.pop(); // it is cut off
  const table = tableIn(lines);
  if (table) return table;
  if (/\.(csv|tsv|tab)$/i.test(file)) return 'a table';
  const looksLikeJson = /^\s*[[{]/.test(probe);
  const isLines = looksLikeJson && lines.length >= MIN_ROWS && lines.every(isJson);
  const isData = isLines || (looksLikeJson && length <= MAX_JSON && isJson(beginning));
  return isData || /\.(json|jsonl|ndjson)$/i.test(file) ? 'JSON' : null;
}

/** Throws `INVALID_DATA` for a table, a list of numbers or JSON of `length` characters, by its beginning or all of it. */
export function requireProse(file: string, beginning: string, length: number): void {
  const data = dataIn(file, beginning, length);
  if (data === null) return;
  const use =
    data === 'JSON'
      ? 'Save the text that it contains as a text file.'
      : 'To forecast a column of it, add --target, --history and --horizon; to classify texts, --text and --label (unspool data shows the columns).';
  throw invalidData(
    file,
    `this is ${data}, not a text: unspool train learns to write text, character by character.`,
    `${use} To train on its characters in spite of that, use --as-text.`,
  );
}

/** Reads the text to train on. Throws `INVALID_DATA` for a table, a list of numbers or JSON, unless `asText`. */
export async function readTrainingText(file: string, { asText }: { readonly asText: boolean }): Promise<string> {
  const text = await readText(file);
  if (!asText) requireProse(file, text, text.length);
  return text;
}
