import { textFileBaselines } from '../../node/index.js';
import type { NgramBaseline } from '../../tasks/index.js';
import { ngramBaselines } from '../../tasks/ngram-baselines.js';
import { grouped } from '../output.js';
import { isInMemory, type TrainingText } from './training-source.js';

/** The n-gram models, and the characters in which they were counted. */
export interface Baselines {
  readonly baselines: readonly NgramBaseline[];
  readonly counted: number;
  /** The characters of the training part. */
  readonly training: number;
}

/**
 * Validation bits per character of n-gram models, trained and measured on the same split. Of a text that is streamed, they may be
 * counted only in the end of the training part; `signal` ends that. Null without a validation part.
 */
export async function baselinesOf(text: TrainingText, signal: AbortSignal): Promise<Baselines | null> {
  if (!text.validation) return null;
  if (!isInMemory(text)) return { ...(await textFileBaselines(text, { signal })), training: text.train.characters };
  const { train, validation, vocabulary } = text;
  const baselines = ngramBaselines(train.tokens, validation.tokens, vocabulary.size);
  return { baselines, counted: train.tokens.length, training: train.tokens.length };
}

/** The LSTM and the n-gram models as a table. */
export function baselineTable(baselines: readonly NgramBaseline[], lstmBits: number): string {
  const rows = [
    ...baselines.map(({ order, bits }) => [`${order}-gram (Kneser-Ney)`, bits] as const),
    ['this LSTM', lstmBits] as const,
  ];
  const table = rows.map(([name, bits]) => `  ${name.padEnd(22)}${bits.toFixed(3)}`).join('\n');
  return `\nValidation bits per character (lower is better)\n${table}`;
}

/** The table of a training. It says where n-grams were counted, unless it was in all of the training part. */
export function trainingTable({ baselines, counted, training }: Baselines, lstmBits: number): string {
  const table = baselineTable(baselines, lstmBits);
  if (baselines.length === 0) return `${table}\nThe n-grams were not counted: the command was interrupted.`;
  if (counted === training) return table;
  const part = `the last ${grouped(counted)} of ${grouped(training)} characters of training`;
  return `${table}\nThe n-grams were counted in ${part}, so that they fit in memory.`;
}
