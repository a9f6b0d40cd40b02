/** One order of the recursion of Kneser-Ney n-grams, which ngram.ts defines. */
import { NONE } from './pair-table.js';

/**
 * The discount if no n-gram of an order was counted once, so that n1 / (n1 + 2 n2) is 0 or 0 / 0. A discount of 0 would give an
 * unseen n-gram probability 0, and a single one would make the result infinite.
 */
const FALLBACK_DISCOUNT = 0.5;

/** D = n1 / (n1 + 2 n2), above 0 and at most 1. */
function estimateDiscount(counts: ArrayLike<number>, size: number): number {
  let once = 0;
  let twice = 0;
  for (let id = 0; id < size; id++) {
    if (counts[id] === 1) once++;
    else if (counts[id] === 2) twice++;
  }
  return once === 0 ? FALLBACK_DISCOUNT : once / (once + 2 * twice);
}

/** p_m from p_{m-1}, for the counts of one m. */
export class NgramOrder {
  private readonly discount: number;
  /** [context] sum over w of c(h w). */
  private readonly totals: Float64Array;
  /** [context] N1+(h .). */
  private readonly kinds: Int32Array;
  private readonly counts: ArrayLike<number>;

  /**
   * @param counts [m-gram] the c of this order; `size` of them.
   * @param contexts [m-gram] number of the (m-1)-gram that it starts with, less than `contextCount`.
   */
  constructor(counts: ArrayLike<number>, size: number, contexts: Int32Array, contextCount: number) {
    this.counts = counts;
    this.discount = estimateDiscount(counts, size);
    this.totals = new Float64Array(contextCount);
    this.kinds = new Int32Array(contextCount);
    for (let id = 0; id < size; id++) {
      const count = counts[id]!;
      // No token precedes the first m-gram of training, so its continuation count can be 0.
      if (count === 0) continue;
      const context = contexts[id]!;
      this.totals[context]! += count;
      this.kinds[context]!++;
    }
  }

  /** p_m of the m-gram `id` with its context, given p_{m-1} of its last token. Either number may be NONE. */
  mix(context: number, id: number, lower: number): number {
    const total = context === NONE ? 0 : this.totals[context]!;
    if (total === 0) return lower;
    const rest = id === NONE ? 0 : this.counts[id]! - this.discount;
    return ((rest > 0 ? rest : 0) + this.discount * this.kinds[context]! * lower) / total;
  }
}
