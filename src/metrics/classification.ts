/** How well classes are told: from counts of what was and what was said, batch by batch. */
import { invalidData, requireInteger, UnspoolError } from '../errors.js';

export type F1Average = 'macro' | 'micro' | 'weighted';

export interface ClassScores {
  /** Of those said to be of the class, the share that is. 0 where none was said to be. */
  readonly precision: number;
  /** Of those of the class, the share that was said to be. 0 where there is none. */
  readonly recall: number;
  /** Harmonic mean of the two, 0 to 1; 0 where both are 0 (van Rijsbergen 1979). */
  readonly f1: number;
  /** Targets of the class. */
  readonly support: number;
}

export interface ClassificationOptions {
  /** Rows with this target are left out. Default -1. */
  readonly ignoreIndex?: number;
  /** A row is right at k where fewer than k classes have a larger logit than the target's. Default 5. */
  readonly topK?: number;
}

const LN2 = Math.LN2;

/** Counts over rows of logits: all measures of a classifier at once. */
export class ClassificationMetrics {
  readonly classes: number;
  readonly topK: number;
  /** Rows counted. */
  count = 0;
  /** counts[target * classes + said] */
  private readonly counts: Float64Array;
  private readonly ignoreIndex: number;
  private inTopK = 0;
  private nats = 0;

  constructor(classes: number, options: ClassificationOptions = {}) {
    const { ignoreIndex = -1, topK = 5 } = options;
    requireInteger('classes', classes, 1, 1 << 24);
    requireInteger('topK', topK, 1, 1 << 24);
    this.classes = classes;
    this.topK = topK;
    this.ignoreIndex = ignoreIndex;
    this.counts = new Float64Array(classes * classes);
  }

  /** `logits`: as many rows of `classes` numbers as there are targets. Throws `SHAPE_MISMATCH` or `INVALID_DATA`. */
  add(logits: ArrayLike<number>, targets: ArrayLike<number>): this {
    const C = this.classes;
    if (logits.length !== targets.length * C) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'Classification.add',
        tensor: 'logits',
        expected: [targets.length, C],
        actual: [logits.length],
        help: 'Give one row of logits a target.',
      });
    }
    for (let r = 0; r < targets.length; r++) {
      const target = targets[r]!;
      if (target === this.ignoreIndex) continue;
      if (!(Number.isInteger(target) && target >= 0 && target < C)) {
        const problem = `${target} is no whole number from 0 to ${C - 1}.`;
        throw invalidData(`target ${r}`, problem);
      }
      this.addRow(logits, r * C, target);
    }
    return this;
  }

  /** Share of the rows whose largest logit is the target's, 0 to 1 (the first of equal ones counts). NaN without rows. */
  get accuracy(): number {
    let right = 0;
    for (let k = 0; k < this.classes; k++) right += this.at(k, k);
    return right / this.count;
  }

  /** Share of the rows whose target is among the `topK` largest logits, 0 to 1. */
  get topKAccuracy(): number {
    return this.inTopK / this.count;
  }

  /** Mean cross-entropy in nats. */
  get crossEntropy(): number {
    return this.nats / this.count;
  }

  /** e to the mean cross-entropy: among how many equally likely classes the target would be as hard to guess. From 1 up. */
  get perplexity(): number {
    return perplexity(this.crossEntropy);
  }

  /** Mean cross-entropy in bits; of a character model, bits per character. */
  get bits(): number {
    return bitsPerCharacter(this.crossEntropy);
  }

  /** Precision, recall and F1 of each class. */
  get scores(): ClassScores[] {
    return Array.from({ length: this.classes }, (_, k) => {
      let [said, support] = [0, 0];
      for (let other = 0; other < this.classes; other++) {
        said += this.at(other, k);
        support += this.at(k, other);
      }
      const right = this.at(k, k);
      const [precision, recall] = [said > 0 ? right / said : 0, support > 0 ? right / support : 0];
      return { precision, recall, f1: right > 0 ? (2 * precision * recall) / (precision + recall) : 0, support };
    });
  }

  /**
   * F1 over all classes, 0 to 1: `macro` the mean over the classes that occur or were said, `weighted` by how often each
   * occurs, `micro` of all counts together (with one class a row, the accuracy).
   */
  f1(average: F1Average = 'macro'): number {
    if (average === 'micro') return this.accuracy;
    const met = this.scores.filter((s, k) => s.support > 0 || this.matrix.some((row) => row[k]! > 0));
    const weight = (s: ClassScores): number => (average === 'weighted' ? s.support : 1);
    const total = met.reduce((sum, s) => sum + weight(s), 0);
    return met.reduce((sum, s) => sum + weight(s) * s.f1, 0) / total;
  }

  /** Row: what was; column: what was said. */
  get matrix(): number[][] {
    const C = this.classes;
    return Array.from({ length: C }, (_, k) => [...this.counts.subarray(k * C, (k + 1) * C)]);
  }

  /** The confusion matrix in columns, with the names of the classes. */
  toString(names: readonly string[] = Array.from({ length: this.classes }, (_, k) => String(k))): string {
    const rows = [['', ...names], ...this.matrix.map((row, k) => [names[k]!, ...row.map(String)])];
    const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
    return rows.map((row) => row.map((cell, c) => cell.padStart(widths[c]!)).join('  ')).join('\n');
  }

  private at(target: number, said: number): number {
    return this.counts[target * this.classes + said]!;
  }

  private addRow(logits: ArrayLike<number>, at: number, target: number): void {
    const own = logits[at + target]!;
    let [best, larger] = [0, 0];
    for (let k = 0; k < this.classes; k++) {
      if (logits[at + k]! > logits[at + best]!) best = k;
      if (logits[at + k]! > own) larger++;
    }
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += Math.exp(logits[at + k]! - logits[at + best]!);
    this.counts[target * this.classes + best]!++;
    if (larger < this.topK) this.inTopK++;
    this.nats += Math.log(sum) - (own - logits[at + best]!);
    this.count++;
  }
}

/** e to a mean cross-entropy in nats. */
export const perplexity = (nats: number): number => Math.exp(nats);

/** A mean cross-entropy in nats, in bits. */
export const bitsPerCharacter = (nats: number): number => nats / LN2;
