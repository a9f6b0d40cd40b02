import type { TextData } from '../../index.js';
import { type NgramBaseline, ngramBaselines } from '../../tasks/ngram-baselines.js';

/** Validation bits per character of n-gram models, trained and measured on the same split. */
export const baselinesOf = ({ train, validation, vocabulary }: TextData): NgramBaseline[] | null =>
  validation && ngramBaselines(train.tokens, validation.tokens, vocabulary.size);

/** The LSTM and the n-gram models as a table. */
export function baselineTable(baselines: readonly NgramBaseline[], lstmBits: number): string {
  const rows = [
    ...baselines.map(({ order, bits }) => [`${order}-gram (Kneser-Ney)`, bits] as const),
    ['this LSTM', lstmBits] as const,
  ];
  const table = rows.map(([name, bits]) => `  ${name.padEnd(22)}${bits.toFixed(3)}`).join('\n');
  return `\nValidation bits per character (lower is better)\n${table}`;
}
