/** The n-grams that language models are compared with. */
import { ngramBitsPerCharacter } from '../data/ngram.js';

/** Bits per character of an n-gram model. */
export interface NgramBaseline {
  readonly order: number;
  readonly bits: number;
}

/** Orders of the n-grams, unless others are given. */
export const NGRAM_ORDERS: readonly number[] = [1, 2, 5];

/** Kneser-Ney models that are counted in `train`, on `test`, which continues it. */
export const ngramBaselines = (
  train: Int32Array,
  test: Int32Array,
  vocabularySize: number,
  orders: readonly number[] = NGRAM_ORDERS,
): NgramBaseline[] =>
  orders.map((order) => ({ order, bits: ngramBitsPerCharacter(train, test, vocabularySize, order) }));
