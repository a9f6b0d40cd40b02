/** Metrics of classifiers, from counts of targets and predictions that are added batch by batch. */
import { requireInteger } from '../checks.js';
import { invalidData, UnspoolError } from '../errors.js';

/** How F1 scores of several classes are averaged. */
export type F1Average = 'macro' | 'micro' | 'weighted';

/** Scores of one class, each from 0 to 1, and its number of targets. */
export interface ClassScores {
  /** Share of the predictions of this class that are correct; 0 without predictions. */
  readonly precision: number;
  /** Share of the targets of this class that are predicted; 0 without targets. */
  readonly recall: number;
  /** Harmonic mean of precision and recall; 0 if both are 0 (van Rijsbergen 1979). */
  readonly f1: number;
  /** Number of targets of this class. */
  readonly support: number;
}

/** Options of `ClassificationMetrics`. */
export interface ClassificationOptions {
  /** Rows with this target are ignored. Default -1. */
  readonly ignoreIndex?: number;
  /** The k of top-k accuracy: a row counts if fewer than k classes have a larger logit than the target. Default 5. */
  readonly topK?: number;
}

const LN2 = Math.LN2;

/** Accuracy, cross-entropy, precision, recall, F1 and the confusion matrix of a classifier. */
export class ClassificationMetrics {
  readonly classes: number;
  readonly topK: number;
  /** Number of rows that were added and not ignored. */
  count = 0;
  /** [target * classes + predicted] */
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

  /** Adds a batch: one row of `classes` logits per target. Throws `SHAPE_MISMATCH` or `INVALID_DATA`. */
  add(logits: ArrayLike<number>, targets: ArrayLike<number>): this {
    const C = this.classes;
    if (logits.length !== targets.length * C) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'ClassificationMetrics.add',
        tensor: 'logits',
        expected: [targets.length, C],
        actual: [logits.length],
        help: 'Give one row of logits per target.',
      });
    }
    for (let r = 0; r < targets.length; r++) {
      const target = targets[r]!;
      if (target === this.ignoreIndex) continue;
      if (!(Number.isInteger(target) && target >= 0 && target < C)) {
        const problem = `must be an integer from 0 to ${C - 1}, got ${target}.`;
        throw invalidData(`target ${r}`, problem);
      }
      this.addRow(logits, r * C, target);
    }
    return this;
  }

  /** Share of the rows whose largest logit is the target's, 0 to 1; of equal logits the first counts. NaN without rows. */
  get accuracy(): number {
    let correct = 0;
    for (let k = 0; k < this.classes; k++) correct += this.at(k, k);
    return correct / this.count;
  }

  /** Share of the rows whose target is among the `topK` largest logits, 0 to 1. */
  get topKAccuracy(): number {
    return this.inTopK / this.count;
  }

  /** Mean cross-entropy in nats. */
  get crossEntropy(): number {
    return this.nats / this.count;
  }

  /** Perplexity, e to the mean cross-entropy: the number of equally likely classes with the same cross-entropy. At least 1. */
  get perplexity(): number {
    return perplexity(this.crossEntropy);
  }

  /** Mean cross-entropy in bits; for a character model, bits per character. */
  get bits(): number {
    return bitsPerCharacter(this.crossEntropy);
  }

  /** Precision, recall and F1 of each class. */
  get scores(): ClassScores[] {
    return Array.from({ length: this.classes }, (_, k) => {
      let [predicted, support] = [0, 0];
      for (let other = 0; other < this.classes; other++) {
        predicted += this.at(other, k);
        support += this.at(k, other);
      }
      const correct = this.at(k, k);
      const [precision, recall] = [predicted > 0 ? correct / predicted : 0, support > 0 ? correct / support : 0];
      return { precision, recall, f1: correct > 0 ? (2 * precision * recall) / (precision + recall) : 0, support };
    });
  }

  /**
   * F1 over all classes, 0 to 1: `macro` is the mean over the classes that occur as targets or predictions, `weighted` weights
   * them by their support, and `micro` uses the total counts (with one class per row, the accuracy).
   */
  f1(average: F1Average = 'macro'): number {
    if (average === 'micro') return this.accuracy;
    const occurring = this.scores.filter((s, k) => s.support > 0 || this.matrix.some((row) => row[k]! > 0));
    const weight = (s: ClassScores): number => (average === 'weighted' ? s.support : 1);
    const total = occurring.reduce((sum, s) => sum + weight(s), 0);
    return occurring.reduce((sum, s) => sum + weight(s) * s.f1, 0) / total;
  }

  /** The confusion matrix: one row per target class, one column per predicted class. */
  get matrix(): number[][] {
    const C = this.classes;
    return Array.from({ length: C }, (_, k) => [...this.counts.subarray(k * C, (k + 1) * C)]);
  }

  /** Returns the confusion matrix as aligned text, with the names of the classes. */
  toString(names: readonly string[] = Array.from({ length: this.classes }, (_, k) => String(k))): string {
    const rows = [['', ...names], ...this.matrix.map((row, k) => [names[k]!, ...row.map(String)])];
    const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
    return rows.map((row) => row.map((cell, c) => cell.padStart(widths[c]!)).join('  ')).join('\n');
  }

  private at(target: number, predicted: number): number {
    return this.counts[target * this.classes + predicted]!;
  }

  private addRow(logits: ArrayLike<number>, at: number, target: number): void {
    const targetLogit = logits[at + target]!;
    let [best, larger] = [0, 0];
    for (let k = 0; k < this.classes; k++) {
      if (logits[at + k]! > logits[at + best]!) best = k;
      if (logits[at + k]! > targetLogit) larger++;
    }
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += Math.exp(logits[at + k]! - logits[at + best]!);
    this.counts[target * this.classes + best]!++;
    if (larger < this.topK) this.inTopK++;
    this.nats += Math.log(sum) - (targetLogit - logits[at + best]!);
    this.count++;
  }
}

/** Converts a mean cross-entropy in nats to a perplexity: e to its power. */
export const perplexity = (nats: number): number => Math.exp(nats);

/** Converts a mean cross-entropy from nats to bits. */
export const bitsPerCharacter = (nats: number): number => nats / LN2;
