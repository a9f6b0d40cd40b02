/** Kneser-Ney n-grams of a text that is read in blocks. The memory depends on the number of different n-grams only. */
import { NgramOrder } from './ngram-order.js';
import { NONE, PairTable } from './pair-table.js';

const { log2 } = Math;

/** The counts of the m-grams of one m. */
class NgramLevel {
  readonly table = new PairTable();
  /** [m-gram] occurrences; a double, because a common character occurs more than 2^31 times in a large text. */
  occurrences = new Float64Array(1024);
  /** [m-gram] number of different (m+1)-grams that end with it. */
  continuations = new Int32Array(1024);

  /** Makes the counts as long as the table. */
  grow(): void {
    const { length } = this.table.firsts;
    if (length === this.occurrences.length) return;
    const { occurrences, continuations } = this;
    this.occurrences = new Float64Array(length);
    this.occurrences.set(occurrences);
    this.continuations = new Int32Array(length);
    this.continuations.set(continuations);
  }
}

/**
 * Counts n-grams of all orders up to the largest of `orders`, and gives the bits of each order. The results have the bits of
 * `ngramBitsPerCharacter` on the same tokens, whatever the blocks and their order.
 */
export class NgramCounts {
  /** The number of bits of the tokens that `score` has read, for each of `orders`. */
  readonly bits: Float64Array;
  private readonly levels: readonly NgramLevel[];
  private readonly orders: readonly number[];
  private readonly vocabularySize: number;
  /** The m-gram that ends at the last token, for each m. */
  private readonly current: Int32Array;
  private scorers: readonly {
    readonly ends: readonly [index: number, NgramOrder][];
    readonly next: NgramOrder | null;
  }[] = [];

  constructor(vocabularySize: number, orders: readonly number[]) {
    const order = Math.max(...orders);
    this.vocabularySize = vocabularySize;
    this.orders = orders;
    this.levels = Array.from({ length: order }, () => new NgramLevel());
    this.current = new Int32Array(order);
    this.bits = new Float64Array(orders.length);
  }

  /** Tokens before a block that `count` and `score` need to know the contexts of its first tokens. */
  get contextLength(): number {
    return this.levels.length - 1;
  }

  /** The number of different n-grams of all orders. */
  get size(): number {
    return this.levels.reduce((sum, { table }) => sum + table.size, 0);
  }

  /**
   * Counts the n-grams that end at `tokens[from]` or later. The tokens before are `contextLength` tokens that precede the block in the
   * text, or all that precede it.
   */
  count(tokens: ArrayLike<number>, from: number): void {
    const { levels, current } = this;
    current.fill(NONE);
    for (let i = 0; i < tokens.length; i++) {
      const isCounted = i >= from;
      let context = 0; // the empty one
      for (let m = 0; m < levels.length; m++) {
        const level = levels[m]!;
        const next = current[m]!;
        const id = context === NONE ? NONE : level.table.add(context, tokens[i]!);
        current[m] = id;
        context = next;
        if (id === NONE) continue;
        level.grow();
        if (isCounted && level.occurrences[id]!++ === 0 && m > 0) levels[m - 1]!.continuations[current[m - 1]!]!++;
      }
    }
  }

  /** Ends the counting. */
  finish(): void {
    const { levels, orders } = this;
    this.scorers = levels.map(({ table, occurrences, continuations }, m) => {
      const contexts = m === 0 ? 1 : levels[m - 1]!.table.size;
      const of = (counts: ArrayLike<number>) => new NgramOrder(counts, table.size, table.firsts, contexts);
      const isEnd = orders.includes(m + 1);
      const end = isEnd ? of(occurrences) : null;
      const ends = orders.flatMap((order, i) => (order === m + 1 ? [[i, end!] as [number, NgramOrder]] : []));
      return { ends, next: m + 1 < levels.length ? of(continuations) : null };
    });
  }

  /** Adds the bits of `tokens[from]` and later to `bits`. The tokens before are as in `count`. */
  score(tokens: ArrayLike<number>, from: number): void {
    const { levels, scorers, current, bits } = this;
    current.fill(NONE);
    for (let i = 0; i < tokens.length; i++) {
      let context = 0;
      let p = 1 / this.vocabularySize;
      for (let m = 0; m < levels.length; m++) {
        const next = current[m]!;
        const id = context === NONE ? NONE : levels[m]!.table.find(context, tokens[i]!);
        current[m] = id;
        if (i >= from) {
          const scorer = scorers[m]!;
          for (const [index, end] of scorer.ends) bits[index]! -= log2(end.mix(context, id, p));
          if (scorer.next !== null) p = scorer.next.mix(context, id, p);
        }
        context = next;
      }
    }
  }
}
