import { bitsPerCharacter, ngramBitsPerCharacter, type TextData } from '../index.js';

/** Orders of the n-gram models that stand beside the LSTM. */
const ORDERS = [1, 2, 5];

/** The model's held-out bits per character beside those of n-gram models of the same split. */
export function comparison(text: TextData, heldOutLoss: number | null): { table: string; json: object } {
  if (!text.validation || heldOutLoss === null) return { table: 'No text was held out to measure on.', json: {} };
  const { train, validation, vocabulary } = text;
  const baselines = ORDERS.map((order) => ({
    order,
    bits: ngramBitsPerCharacter(train.tokens, validation.tokens, vocabulary.size, order),
  }));
  const rows = [
    ...baselines.map(({ order, bits }) => [`${order}-gram (Kneser-Ney)`, bits] as const),
    ['this LSTM', bitsPerCharacter(heldOutLoss)] as const,
  ];
  const table = rows.map(([name, bits]) => `  ${name.padEnd(22)}${bits.toFixed(3)}`).join('\n');
  return {
    table: `\nBits per character on the held-out text (lower is better)\n${table}`,
    json: { baselines },
  };
}
