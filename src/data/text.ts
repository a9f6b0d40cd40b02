/**
 * Text for stateful truncated BPTT: the text is cut into N streams of equal length that are read side by side, T
 * characters at a time; batch k goes on where batch k-1 stopped, so a model can carry its state along.
 */

import type { Batch } from '../core/model.js';
import type { Rng } from '../core/rng.js';
import { invalidData, requireInteger, requireNumber } from '../errors.js';
import type { BatchSource } from './source.js';
import { Vocabulary } from './vocabulary.js';

export interface TextStreamOptions {
  /** Streams side by side (N). Default 32. */
  readonly batchSize?: number;
  /** Characters of each stream in a batch (T). Default 64. */
  readonly steps?: number;
  /** Share of the text, from its end, that is kept for validation. Default 0.1; 0 for none. */
  readonly validationSplit?: number;
  /** Default: the characters of the whole text. */
  readonly vocabulary?: Vocabulary;
}

export interface TextData {
  readonly vocabulary: Vocabulary;
  readonly train: TextStreams;
  /** Null where `validationSplit` is 0. */
  readonly validation: TextStreams | null;
}

export class TextStreams implements BatchSource {
  readonly stateful = true;
  /** Token numbers of the whole part. */
  readonly tokens: Int32Array;
  readonly batchSize: number;
  readonly steps: number;
  private readonly from: number;
  private readonly partial: boolean;

  /**
   * @param partial whether the rest of each stream, shorter than `steps`, makes a last batch (so that validation misses
   * fewer than `rows` characters) or is left out.
   * Throws `INVALID_DATA` where there are not at least rows * 1 + 1 tokens, or rows * steps + 1 without `partial`.
   */
  constructor(tokens: Int32Array, batchSize: number, steps: number, partial = false, from = 0) {
    requireInteger('batch', batchSize, 1, 1 << 20);
    requireInteger('steps', steps, 1, 1 << 20);
    this.tokens = tokens;
    this.batchSize = batchSize;
    this.steps = steps;
    this.partial = partial;
    this.from = from;
    if (this.length === 0) {
      throw invalidData(
        'text',
        `${tokens.length} characters are too few for ${batchSize} streams of ${partial ? 1 : steps} steps ` +
          `(at least ${batchSize * (partial ? 1 : steps) + 1}).`,
        'Give more text, or a smaller batch or fewer steps.',
      );
    }
  }

  /** Characters in each stream that have one after them to predict. */
  private get streamLength(): number {
    return Math.max(0, Math.floor((this.tokens.length - this.from - 1) / this.batchSize));
  }

  /** Number of batches. */
  get length(): number {
    return this.partial ? Math.ceil(this.streamLength / this.steps) : Math.floor(this.streamLength / this.steps);
  }

  /** Characters that all batches together predict. */
  get predictions(): number {
    return this.batchSize * (this.partial ? this.streamLength : this.length * this.steps);
  }

  /** Batch `index`: inputs [T, N] and, as targets, the character that follows each. */
  batch(index: number): Batch {
    requireInteger('batch index', index, 0, this.length - 1);
    const N = this.batchSize;
    const start = index * this.steps;
    const T = Math.min(this.steps, this.streamLength - start);
    const inputs = new Int32Array(T * N);
    const targets = new Int32Array(T * N);
    for (let n = 0; n < N; n++) {
      const at = this.from + n * this.streamLength + start;
      for (let t = 0; t < T; t++) {
        inputs[t * N + n] = this.tokens[at + t]!;
        targets[t * N + n] = this.tokens[at + t + 1]!;
      }
    }
    return { steps: T, batchSize: N, inputs, targets };
  }

  /**
   * The same text cut at other places: begins further on, by less than `steps` characters, and by no more than what the
   * batches leave over, so that there are as many of them.
   */
  shuffled(rng: Rng): TextStreams {
    const left = this.tokens.length - 1 - this.predictions;
    const shift = rng.integer(Math.min(this.steps, left + 1));
    return new TextStreams(this.tokens, this.batchSize, this.steps, this.partial, shift);
  }

  /** These streams as plain data. */
  describe() {
    const { tokens, batchSize, steps, partial, from } = this;
    return { kind: 'textStreams', tokens, batchSize, steps, partial, from };
  }
}

/**
 * Cuts a text into training and held-out streams. Throws `INVALID_DATA` for a text that is too short for the sizes or
 * has characters that a given vocabulary lacks, `INVALID_SETTING` for sizes out of range.
 */
export function textStreams(text: string, options: TextStreamOptions = {}): TextData {
  const { batchSize = 32, steps = 64, validationSplit = 0.1 } = options;
  requireNumber('validationSplit', validationSplit, 0, 0.99);
  if (text.length === 0) {
    throw invalidData('text', 'it is empty.', 'Give some text.');
  }
  const vocabulary = options.vocabulary ?? Vocabulary.of(text);
  const tokens = vocabulary.encode(text);
  const cut = Math.floor(tokens.length * (1 - validationSplit));
  return {
    vocabulary,
    train: new TextStreams(tokens.subarray(0, cut), batchSize, steps),
    validation: validationSplit > 0 ? validationStreams(tokens.subarray(cut), batchSize, steps) : null,
  };
}

/** As many streams as the text has room for, up to `batch`: a short text is still measured whole. */
export function validationStreams(tokens: Int32Array, batch: number, steps: number): TextStreams {
  const rows = Math.max(1, Math.min(batch, Math.floor((tokens.length - 1) / steps)));
  return new TextStreams(tokens, rows, steps, true);
}
