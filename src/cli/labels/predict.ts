/** `unspool predict` for classifiers and taggers: of a table, of lines of text, of an argument, or of standard input. */
import { readText } from '../../node/index.js';
import { type PredictedClass, type PredictedTags, Table } from '../../tasks/index.js';
import { Classifier } from '../../tasks/labeler.js';
import { UsageError } from '../command.js';
import { readTable } from '../forecast/read-table.js';
import type { Output } from '../output.js';
import { rowsText } from '../report/tables.js';
import type { LoadedLabeler } from './load.js';

/** Warnings that are printed; `--json` has all. */
const MAX_WARNINGS = 5;
const IS_TABLE = /\.(csv|tsv|tab|jsonl|ndjson|npy)$/i;

/** What is predicted. */
export interface PredictRequest {
  readonly file: string | undefined;
  readonly text: string | undefined;
  readonly csv: boolean;
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Lines as a table whose one column is that of the training, so that messages name the line. */
function linesAsTable(name: string, text: string, column: string): Table {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const numbered = lines.map((line, i) => ({ line, number: i + 1 })).filter(({ line }) => line.trim() !== '');
  return new Table({
    ...{ name, columns: [column], cells: [numbered.map(({ line }) => line.trim())] },
    lines: numbered.map(({ number }) => number),
  });
}

/** Where each input is, the inputs as texts, and what to pass to `predict`. */
interface Inputs {
  readonly places: readonly string[];
  readonly shown: readonly string[];
  readonly given: Table | string[];
}

async function readInputs({ labeler, decimal }: LoadedLabeler, { file, text }: PredictRequest): Promise<Inputs> {
  const { settings, isPlain } = labeler.pipeline;
  const column = isPlain ? 'text' : (settings.text ?? settings.values[0]!);
  if (text !== undefined && file !== undefined) throw new UsageError('--text cannot be combined with FILE.');
  if (file !== undefined && file !== '-' && IS_TABLE.test(file) && !isPlain) {
    const table = await readTable(file, { decimal });
    const shown = settings.text === null ? [] : table.strings(settings.text);
    return { places: shown.map((_, row) => table.place(row)), shown, given: table };
  }
  if (settings.text === null && settings.values.length > 1) {
    throw new UsageError(
      `the model reads the columns ${settings.values.join(', ')}: give a CSV or JSON Lines file with them.`,
    );
  }
  const name = text !== undefined ? '--text' : (file ?? '-') === '-' ? 'standard input' : file!;
  const all = text ?? (name === 'standard input' ? await standardInput() : await readText(file!));
  const table = linesAsTable(name, all, column);
  const shown = table.strings(column);
  return { places: shown.map((_, row) => table.place(row)), shown, given: isPlain ? shown : table };
}

/** One line for each sequence: the text with its spaces, or each token with its tag. */
const taggedText = ({ text, tokens, tags }: PredictedTags): string =>
  text ?? tags.map((tag, i) => (tokens[i] === undefined ? tag : `${tokens[i]}/${tag}`)).join(' ');

/** Predicts and prints. */
export async function predictLabels(loaded: LoadedLabeler, request: PredictRequest, out: Output): Promise<void> {
  const { labeler } = loaded;
  const { places, shown, given } = await readInputs(loaded, request);
  const placeOf = (i: number): string => places[i] ?? `sequence ${i + 1}`;
  const warnings: string[] = [];
  const record = (one: PredictedClass | PredictedTags, i: number): void => {
    out.record({ kind: 'prediction', place: placeOf(i), input: shown[i] ?? null, ...one });
    for (const warning of one.warnings) warnings.push(`${placeOf(i)} ${warning}.`);
  };
  if (labeler instanceof Classifier) {
    const all = await labeler.predict(given);
    all.forEach(record);
    const rows = all.map(({ label, probability }, i) => [label, probability.toFixed(4), shown[i] ?? placeOf(i)]);
    out.print(rowsText({ columns: ['label', 'probability', 'input'], rows }, request.csv));
  } else {
    const all = await labeler.predict(given);
    all.forEach(record);
    if (request.csv) out.print(rowsText({ columns: ['tagged'], rows: all.map((one) => [taggedText(one)]) }, true));
    else for (const one of all) out.print(taggedText(one));
  }
  for (const warning of warnings.slice(0, MAX_WARNINGS)) out.warn(warning);
  if (warnings.length > MAX_WARNINGS)
    out.warn(`${warnings.length - MAX_WARNINGS} more warnings are in the output of --json.`);
}
