/** Metrics of classifiers, from counts of targets and predictions that are added batch by batch. */
import {
  requireChoice,
  requireInteger,
  requireList,
  requireLogits,
  requireOptions,
  requireTokens,
  shown,
} from '../checks.js';
import { invalidData, invalidSetting, UnspoolError } from '../errors.js';
import { requireWeights } from './weights.js';

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
  /** Number of targets of this class, or the sum of their weights. */
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

/** The largest number of entries of a confusion matrix as a list of rows. */
const MAX_ENTRIES = 1 << 24;

/** How often a class was a target and a prediction, and both together: numbers of rows, or sums of their weights. */
interface Tally {
  support: number;
  predicted: number;
  correct: number;
}

const NEVER: Tally = { support: 0, predicted: 0, correct: 0 };

function scoresOf({ support, predicted, correct }: Tally): ClassScores {
  const [precision, recall] = [predicted > 0 ? correct / predicted : 0, support > 0 ? correct / support : 0];
  return { precision, recall, f1: correct > 0 ? (2 * precision * recall) / (precision + recall) : 0, support };
}

/** Accuracy, cross-entropy, precision, recall, F1 and the confusion matrix of a classifier. */
export class ClassificationMetrics {
  readonly classes: number;
  readonly topK: number;
  /** Number of rows that were added and not ignored; with weights, the sum of their weights. */
  count = 0;
  /** Rows by target * classes + predicted; pairs that never occur take no memory. */
  private readonly counts = new Map<number, number>();
  private readonly ignoreIndex: number;
  private correct = 0;
  private inTopK = 0;
  private nats = 0;

  /** Throws `INVALID_SETTING`. */
  constructor(classes: number, options: ClassificationOptions = {}) {
    requireOptions('options', options, ['ignoreIndex', 'topK']);
    const { ignoreIndex = -1, topK = 5 } = options;
    requireInteger('classes', classes, 1, 1 << 24);
    requireInteger('topK', topK, 1, 1 << 24);
    requireInteger('ignoreIndex', ignoreIndex, -(2 ** 31), 2 ** 31 - 1);
    this.classes = classes;
    this.topK = topK;
    this.ignoreIndex = ignoreIndex;
  }

  /**
   * Adds a batch: one row of `classes` logits per target. A logit may be -Infinity, for a class that is ruled out. `weights` has
   * a number for each target, as `evaluate` passes to its `watch`; every metric then weighs its rows, and rows of weight 0 are
   * ignored. Default: 1 each. Throws `SHAPE_MISMATCH` or `INVALID_DATA`, and then adds nothing.
   */
  add(logits: ArrayLike<number>, targets: ArrayLike<number>, weights: ArrayLike<number> | null = null): this {
    const C = this.classes;
    requireList('logits', logits);
    requireList('targets', targets);
    if (weights !== null && requireWeights('ClassificationMetrics.add', weights, targets.length) > 1) {
      throw invalidData('weights', `must be ${targets.length} numbers, one per target, got ${weights.length}.`);
    }
    requireTokens('targets', targets, C, { ignored: this.ignoreIndex, unread: (r) => weights?.[r] === 0 });
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
    const isIgnored = (r: number): boolean => targets[r] === this.ignoreIndex || weights?.[r] === 0;
    requireLogits('logits', logits, C, { unread: (i) => isIgnored(Math.floor(i / C)) });
    for (let r = 0; r < targets.length; r++) {
      if (!isIgnored(r)) this.addRow(logits, r * C, targets[r]!, weights?.[r] ?? 1);
    }
    return this;
  }

  /** Share of the rows whose largest logit is the target's, 0 to 1; of equal logits the first counts. NaN without rows. */
  get accuracy(): number {
    return this.correct / this.count;
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
    const tallies = this.tallies();
    const never = scoresOf(NEVER);
    return Array.from({ length: this.classes }, (_, k) => {
      const tally = tallies.get(k);
      return tally ? scoresOf(tally) : never;
    });
  }

  /**
   * F1 over all classes, 0 to 1: `macro` is the mean over the classes that occur as targets or predictions, `weighted` weights
   * them by their support, and `micro` uses the total counts (with one class per row, the accuracy).
   */
  f1(average: F1Average = 'macro'): number {
    requireChoice('average', average, ['macro', 'micro', 'weighted']);
    if (average === 'micro') return this.accuracy;
    let [sum, total] = [0, 0];
    for (const scores of [...this.tallies().values()].map(scoresOf)) {
      const weight = average === 'weighted' ? scores.support : 1;
      sum += weight * scores.f1;
      total += weight;
    }
    return sum / total;
  }

  /**
   * The confusion matrix: one row per target class, one column per predicted class. Throws `INVALID_SETTING` for more than 4096
   * classes, whose matrix has too many entries; all other metrics need no matrix.
   */
  get matrix(): number[][] {
    const C = this.classes;
    if (C * C > MAX_ENTRIES) {
      const problem = `is for at most ${Math.sqrt(MAX_ENTRIES)} classes, got ${C}: it would have ${C * C} entries.`;
      throw invalidSetting('the confusion matrix', problem, 'Read scores, which has one entry per class.');
    }
    const rows = Array.from({ length: C }, () => new Array<number>(C).fill(0));
    for (const [pair, count] of this.counts) rows[Math.floor(pair / C)]![pair % C] = count;
    return rows;
  }

  /** Returns the confusion matrix as aligned text, with the names of the classes. */
  toString(names?: readonly string[]): string {
    const { matrix, classes } = this;
    if (
      names !== undefined &&
      !(Array.isArray(names) && names.length === classes && names.every((name) => typeof name === 'string'))
    ) {
      throw invalidSetting('names', `must be a list of ${classes} names, got ${shown(names)}.`);
    }
    const name = (k: number): string => String(names?.[k] ?? k);
    const rows = [['', ...matrix.map((_, k) => name(k))], ...matrix.map((row, k) => [name(k), ...row.map(String)])];
    const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
    return rows.map((row) => row.map((cell, c) => cell.padStart(widths[c]!)).join('  ')).join('\n');
  }

  /** The tallies of the classes that occur. */
  private tallies(): Map<number, Tally> {
    const tallies = new Map<number, Tally>();
    const of = (k: number): Tally => {
      let tally = tallies.get(k);
      if (!tally) tallies.set(k, (tally = { ...NEVER }));
      return tally;
    };
    for (const [pair, count] of this.counts) {
      const [target, predicted] = [of(Math.floor(pair / this.classes)), of(pair % this.classes)];
      target.support += count;
      predicted.predicted += count;
      if (target === predicted) target.correct += count;
    }
    return tallies;
  }

  private addRow(logits: ArrayLike<number>, at: number, target: number, weight: number): void {
    const targetLogit = logits[at + target]!;
    let [best, larger] = [0, 0];
    for (let k = 0; k < this.classes; k++) {
      if (logits[at + k]! > logits[at + best]!) best = k;
      if (logits[at + k]! > targetLogit) larger++;
    }
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += Math.exp(logits[at + k]! - logits[at + best]!);
    const pair = target * this.classes + best;
    this.counts.set(pair, (this.counts.get(pair) ?? 0) + weight);
    if (best === target) this.correct += weight;
    if (larger < this.topK) this.inTopK += weight;
    this.nats += weight * (Math.log(sum) - (targetLogit - logits[at + best]!));
    this.count += weight;
  }
}

/** Converts a mean cross-entropy in nats to a perplexity: e to its power. */
export const perplexity = (nats: number): number => Math.exp(numeric(nats));

/** Converts a mean cross-entropy from nats to bits. */
export const bitsPerCharacter = (nats: number): number => numeric(nats) / LN2;

function numeric(nats: unknown): number {
  if (typeof nats === 'number') return nats;
  throw invalidData('nats', `must be a number, got ${shown(nats)}.`);
}
