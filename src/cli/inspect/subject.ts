/** What is looked at: a model, and a sequence that it reads. */

import { csvParse } from 'd3-dsv';
import { invalidData } from '../../errors.js';
import { type Batch, type Model, UnspoolError, type Vocabulary } from '../../index.js';
import { outputStepsOf } from '../../inspect/one-sequence.js';
import { loadModel, readText } from '../../node/index.js';
import { UsageError } from '../command.js';
import { naming } from '../naming.js';
import { requireVocabulary } from '../sample.js';

/** In float64: what is looked at should be the model's, not the rounding's. */
const EXACT = { backend: 'reference', precision: 'float64' } as const;
const FEWEST = 2;

export interface Subject {
  readonly file: string;
  readonly model: Model;
  readonly batch: Batch;
  /** What each step reads. */
  readonly read: readonly string[];
  /** The characters themselves, of a model that reads text. */
  readonly text: string | null;
  readonly vocabulary: Vocabulary | null;
  /** Steps, and of what. */
  readonly what: string;
}

export interface Reading {
  readonly text?: string | undefined;
  readonly csv?: string | undefined;
  readonly steps: number;
}

export async function subjectOf(file: string, reading: Reading): Promise<Subject> {
  const { text, csv } = reading;
  if (text !== undefined && csv !== undefined) throw new UsageError('--text and --csv are both given: use one of them');
  const loaded = await loadModel(file, EXACT);
  if (csv !== undefined)
    return { file, model: loaded.model, ...(await fromTable(file, loaded.model, csv, reading.steps)) };
  if (text === undefined) throw new UsageError('--text or --csv is missing: what the model reads');
  const vocabulary = requireVocabulary(file, loaded);
  return { file, model: loaded.model, ...(await fromText(loaded.model, vocabulary, text, reading.steps)) };
}

/** As many targets, from the end of the sequence: all of them, or the last alone after `returns: 'last'`. */
const answers = ({ spec }: Model, steps: number): number => outputStepsOf(spec, steps);

async function fromText(model: Model, vocabulary: Vocabulary, text: string, steps: number) {
  const source = text.startsWith('@') ? text.slice(1) : null;
  const whole = source === null ? text : await readText(source);
  const shown = [...whole].slice(0, steps + 1);
  if (shown.length < FEWEST + 1) {
    throw invalidData(
      source ?? '--text',
      `it has ${shown.length} characters, and at least ${FEWEST + 1} are needed: ${FEWEST} steps, each with the next character to predict.`,
      'Give a longer text.',
    );
  }
  const tokens = naming(source ?? '--text', () => vocabulary.encode(shown.join('')));
  const read = shown.slice(0, -1);
  const batch: Batch = {
    steps: read.length,
    batchSize: 1,
    inputs: tokens.slice(0, -1),
    targets: tokens.slice(-answers(model, read.length)),
  };
  return {
    batch,
    read,
    text: read.join(''),
    vocabulary,
    what: `${read.length} characters of ${source ?? 'the given text'}`,
  };
}

/** A column an input; the target is the next row's last columns, as many as the model has outputs. */
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
  const table = csvParse(await readText(csv));
  const columns = table.columns;
  const bad = (problem: string, help: string) => new UnspoolError({ code: 'INVALID_FILE', file: csv, problem, help });
  if (columns.length !== inputSize || model.outputSize > inputSize) {
    throw bad(
      `it has ${columns.length} columns (${columns.join(', ')}), and ${file} reads ${inputSize} and says ${model.outputSize}.`,
      'Give a table with one column an input, in their order.',
    );
  }
  if (table.length < FEWEST + 1)
    throw bad(`it has ${table.length} rows, and at least ${FEWEST + 1} are needed.`, 'Give more rows.');
  const rows = table.slice(0, steps + 1).map((row, at) =>
    columns.map((column) => {
      const value = row[column] ?? '';
      const number = value.trim() === '' ? Number.NaN : Number(value);
      if (!Number.isFinite(number))
        throw bad(`line ${at + 2}, column ${column}: "${value}" is no number.`, 'Mend or remove that line.');
      return number;
    }),
  );
  const read = rows.slice(0, -1);
  const O = model.outputSize;
  const batch: Batch = {
    steps: read.length,
    batchSize: 1,
    inputs: Float64Array.from(read.flat()),
    targets: Float64Array.from(rows.slice(-answers(model, read.length)).flatMap((row) => row.slice(-O))),
  };
  const words = read.map((row) => row.map((v) => String(Number(v.toPrecision(4)))).join(' '));
  return { batch, read: words, text: null, vocabulary: null, what: `${read.length} rows of ${csv}` };
}
