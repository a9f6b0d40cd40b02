/** The n-grams that language models are compared with. */
import { NGRAM_ORDERS, type NgramBaseline, ngramBitsPerCharacter } from '../data/ngram.js';

/** Kneser-Ney models that are counted in `train`, on `test`, which continues it. */
export const ngramBaselines = (
  train: Int32Array,
  test: Int32Array,
  vocabularySize: number,
  orders: readonly number[] = NGRAM_ORDERS,
): NgramBaseline[] =>
  orders.map((order) => ({ order, bits: ngramBitsPerCharacter(train, test, vocabularySize, order) }));
