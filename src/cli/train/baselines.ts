import { ngramBitsPerCharacter, type TextData } from '../../index.js';

/** Orders of the n-gram models that the LSTM is compared with. */
const ORDERS = [1, 2, 5];

export interface Baseline {
  readonly order: number;
  readonly bits: number;
}

/** Validation bits per character of n-gram models, trained and measured on the same split. */
export function baselinesOf({ train, validation, vocabulary }: TextData): Baseline[] | null {
  if (!validation) return null;
  return ORDERS.map((order) => ({
    order,
    bits: ngramBitsPerCharacter(train.tokens, validation.tokens, vocabulary.size, order),
  }));
}

/** The LSTM and the n-gram models as a table. */
export function baselineTable(baselines: readonly Baseline[], lstmBits: number): string {
  const rows = [
    ...baselines.map(({ order, bits }) => [`${order}-gram (Kneser-Ney)`, bits] as const),
    ['this LSTM', lstmBits] as const,
  ];
  const table = rows.map(([name, bits]) => `  ${name.padEnd(22)}${bits.toFixed(3)}`).join('\n');
  return `\nValidation bits per character (lower is better)\n${table}`;
}
