/** What `unspool inspect` inspects: a model and the sequence that it reads. */
import { invalidData } from '../../errors.js';
import { type Batch, type Model, UnspoolError, type Vocabulary } from '../../index.js';
import { outputStepsOf } from '../../inspect/one-sequence.js';
import { loadModel, readText } from '../../node/index.js';
import { parseCsv } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { requireVocabulary, withDataName } from '../text-model.js';

/** In float64, so that the figures show the model rather than rounding errors. */
const EXACT = { backend: 'reference', precision: 'float64' } as const;
const MIN_STEPS = 2;

export interface Subject {
  readonly file: string;
  readonly model: Model;
  readonly batch: Batch;
  /** The input of each step, as text. */
  readonly read: readonly string[];
  /** The longer text that shows what units track; null for a model that reads numbers. */
  readonly tracked: TrackedText | null;
  /** The input in a few words: `40 characters of novel.txt`. */
  readonly what: string;
}

/** A text for `trackingOf`. */
export interface TrackedText {
  readonly characters: readonly string[];
  readonly tokens: Int32Array;
  /** Where it ends because the model does not know the next character; null if it does not. */
  readonly unknown: string | null;
  /** The text in a few words: `novel.txt`. */
  readonly of: string;
}

export interface Reading {
  readonly text?: string | undefined;
  readonly csv?: string | undefined;
  readonly steps: number;
  /** Characters of `tracked`; by default what the model reads in a few seconds. */
  readonly read?: number | undefined;
}

/** Characters, and multiply-adds, that `tracked` is limited to by default. */
const READ_CHARACTERS = 20_000;
const READ_WORK = 4e10;

export async function subjectOf(file: string, reading: Reading): Promise<Subject> {
  const { text, csv } = reading;
  if (text !== undefined && csv !== undefined) throw new UsageError('--text and --csv cannot be combined.');
  const loaded = await loadModel(file, EXACT);
  if (csv !== undefined)
    return { file, model: loaded.model, ...(await fromTable(file, loaded.model, csv, reading.steps)) };
  if (text === undefined) throw new UsageError('missing --text or --csv: the input of the model.');
  const vocabulary = requireVocabulary(file, loaded);
  return { file, model: loaded.model, ...(await fromText(loaded.model, vocabulary, text, reading)) };
}

/** Number of targets: one per step, or a single one after a layer with `returns: 'last'`. */
const targetCount = ({ spec }: Model, steps: number): number => outputStepsOf(spec, steps);

async function fromText(model: Model, vocabulary: Vocabulary, text: string, { steps, read: limit }: Reading) {
  const source = text.startsWith('@') ? text.slice(1) : null;
  const whole = source === null ? text : await readText(source);
  const characters = [...whole];
  const shown = characters.slice(0, steps + 1);
  if (shown.length < MIN_STEPS + 1) {
    throw invalidData(
      source ?? '--text',
      `has ${shown.length} characters; at least ${MIN_STEPS + 1} are needed, ${MIN_STEPS} steps and a next character to predict.`,
      'Use a longer text.',
    );
  }
  const tokens = withDataName(source ?? '--text', () => vocabulary.encode(shown.join('')));
  const read = shown.slice(0, -1);
  const batch: Batch = {
    steps: read.length,
    batchSize: 1,
    inputs: tokens.slice(0, -1),
    targets: tokens.slice(-targetCount(model, read.length)),
  };
  return {
    batch,
    read,
    tracked: trackedText(vocabulary, characters.slice(0, limit ?? readable(model)), source ?? 'the given text'),
    what: `${read.length} characters of ${source ?? 'the given text'}`,
  };
}

/** Characters that a model of so many parameters reads in a few seconds. */
export const readable = ({ size }: Pick<Model, 'size'>): number =>
  Math.min(READ_CHARACTERS, Math.floor(READ_WORK / size));

/** The text up to the first character that the model does not know. */
function trackedText(vocabulary: Vocabulary, characters: readonly string[], of: string): TrackedText {
  const known = new Set(vocabulary.characters);
  const end = characters.findIndex((c) => !known.has(c));
  const used = end < 0 ? characters : characters.slice(0, end);
  return { characters: used, tokens: vocabulary.encode(used.join('')), unknown: end < 0 ? null : characters[end]!, of };
}

/** One column per input. The targets are the last columns of the next row, one per output. */
async function fromTable(file: string, model: Model, csv: string, steps: number) {
  const { inputSize } = model.spec;
  if (inputSize === undefined) {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file,
      problem: 'this model reads characters, not numbers.',
      help: 'Use --text.',
    });
  }
  const rows = (await readTable(csv, file, model)).slice(0, steps + 1);
  const read = rows.slice(0, -1);
  const O = model.outputSize;
  const batch: Batch = {
    steps: read.length,
    batchSize: 1,
    inputs: Float64Array.from(read.flat()),
    targets: Float64Array.from(rows.slice(-targetCount(model, read.length)).flatMap((row) => row.slice(-O))),
  };
  const words = read.map((row) => row.map((v) => String(Number(v.toPrecision(4)))).join(' '));
  return { batch, read: words, tracked: null, what: `${read.length} rows of ${csv}` };
}

/** The numbers of a CSV file with a header line and one column per input of the model. */
async function readTable(csv: string, file: string, { spec: { inputSize }, outputSize }: Model): Promise<number[][]> {
  const bad = (problem: string, help: string) => new UnspoolError({ code: 'INVALID_FILE', file: csv, problem, help });
  const table = parseCsv(await readText(csv), { name: csv, separator: ',' });
  const { columns } = table;
  if (columns.length !== inputSize || outputSize > inputSize) {
    throw bad(
      `the table has ${columns.length} columns (${columns.join(', ')}); ${file} has ${inputSize} inputs and ${outputSize} outputs.`,
      /[;\t]/.test(columns[0] ?? '')
        ? 'Separate the columns by commas.'
        : 'Use a table with one column per input, in the same order.',
    );
  }
  const numbers = columns.map((column) => {
    const values = table.numbers(column);
    const missing = values.findIndex(Number.isNaN);
    if (missing < 0) return values;
    throw invalidData(
      table.place(missing, column),
      'must be a number, but is missing.',
      'Complete or remove that line.',
    );
  });
  const rows = Array.from({ length: table.rows }, (_, row) => numbers.map((values) => values[row]!));
  if (rows.length >= MIN_STEPS + 1) return rows;
  throw bad(`the table has ${rows.length} rows; at least ${MIN_STEPS + 1} are needed.`, 'Add rows.');
}
