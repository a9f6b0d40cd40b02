/**
 * Segmentation of text without spaces by a dictionary: the baseline of a tagger that restores spaces. Viterbi search for the words with
 * the largest probability, those of a unigram model, or of a bigram model (interpolated absolute discounting, Ney et al. 1994).
 */

/** Longest word that is not in the dictionary, in characters. */
const MAX_UNKNOWN = 24;
const DISCOUNT = 0.75;

/** A way to read the characters up to some place. */
interface Path {
  readonly word: string;
  readonly isKnown: boolean;
  readonly cost: number;
  readonly start: number;
  readonly before: Path | null;
}

/** Words of a training text with their counts. */
export class Dictionary {
  private readonly counts = new Map<string, number>();
  private readonly pairs = new Map<string, Map<string, number>>();
  private readonly characters = new Map<string, number>();
  private readonly total: number;
  private readonly characterTotal: number;
  /** The probability of a word that the training text does not have: the share of its words that occur once (Good-Turing). */
  private readonly unknown: number;
  private readonly longest: number;

  constructor(words: readonly string[]) {
    let longest = 0;
    words.forEach((word, i) => {
      this.counts.set(word, (this.counts.get(word) ?? 0) + 1);
      const letters = [...word];
      longest = Math.max(longest, letters.length);
      for (const c of letters) this.characters.set(c, (this.characters.get(c) ?? 0) + 1);
      if (i === 0) return;
      const before = words[i - 1]!;
      const next = this.pairs.get(before) ?? new Map<string, number>();
      next.set(word, (next.get(word) ?? 0) + 1);
      this.pairs.set(before, next);
    });
    this.longest = longest;
    this.total = words.length;
    this.characterTotal = [...this.characters.values()].reduce((sum, count) => sum + count, 0);
    const once = [...this.counts.values()].filter((count) => count === 1).length;
    this.unknown = Math.max(1, once) / (words.length + 1);
  }

  /** The number of the last character of each word of the best segmentation, with words scored alone or in pairs. */
  ends(tokens: readonly string[], order: 1 | 2): number[] {
    const at: Path[][] = [[{ word: '', isKnown: false, cost: 0, start: 0, before: null }]];
    for (let end = 1; end <= tokens.length; end++) {
      const paths = new Map<string, Path>();
      let word = '';
      for (let start = end - 1; start >= Math.max(0, end - Math.max(this.longest, MAX_UNKNOWN)); start--) {
        word = tokens[start]! + word;
        const isKnown = this.counts.has(word);
        if (!isKnown && end - start > MAX_UNKNOWN) continue;
        const alone = -Math.log(this.probability(word, end - start, isKnown));
        for (const before of at[start]!) {
          const cost = before.cost + (order === 1 ? alone : this.pairCost(before, word, alone));
          // Paths that end in an unknown word have the same future.
          const key = order === 1 || !isKnown ? '' : word;
          const known = paths.get(key);
          if (!known || cost < known.cost) paths.set(key, { word, isKnown, cost, start, before });
        }
      }
      at.push([...paths.values()]);
    }
    let path: Path | null = at.at(-1)!.reduce((best, one) => (one.cost < best.cost ? one : best));
    const ends: number[] = [];
    for (let end = tokens.length; path?.before; path = path.before) {
      ends.push(end - 1);
      end = path.start;
    }
    return ends.reverse();
  }

  /** Of a known word, its discounted share; of another, what the singletons leave, by its characters and its length. */
  private probability(word: string, length: number, isKnown: boolean): number {
    if (isKnown) return ((1 - this.unknown) * this.counts.get(word)!) / this.total;
    const stop = this.total / this.characterTotal; // words per character
    let p = this.unknown * stop * (1 - stop) ** (length - 1);
    for (const c of word) p *= (this.characters.get(c) ?? 0.5) / this.characterTotal;
    return p;
  }

  private pairCost({ word: before, isKnown }: Path, word: string, alone: number): number {
    const next = isKnown ? this.pairs.get(before) : undefined;
    if (!next) return alone;
    const count = this.counts.get(before)!;
    const kept = Math.max(0, (next.get(word) ?? 0) - DISCOUNT) / count;
    return -Math.log(kept + ((DISCOUNT * next.size) / count) * Math.exp(-alone));
  }
}
