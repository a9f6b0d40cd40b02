/**
 * Text for stateful truncated BPTT. The text is cut into N streams of equal length that are read in parallel, T characters at a
 * time. Batch k continues where batch k-1 stopped, so that the model's state can be carried over.
 */

import { requireInteger, requireList, requireNumber, requireOptional, requireOptions, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import { type Rng, requireRng } from '../core/rng.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { BatchSource } from './source.js';
import { requireText, Vocabulary } from './vocabulary.js';

/** Options of `textStreams`. */
export interface TextStreamOptions {
  /** Number of parallel streams (N), from 1 to 1048576. Default 32. */
  readonly batchSize?: number;
  /** Number of characters of each stream in a batch (T), from 1 to 1048576. Default 64. */
  readonly steps?: number;
  /** Share of the text, from its end, that is kept for validation, from 0 (none) to 0.99. Default 0.1. */
  readonly validationSplit?: number;
  /** Default: the characters of the text. */
  readonly vocabulary?: Vocabulary;
}

function requireSizes(batchSize: unknown, steps: unknown): void {
  requireInteger('batchSize', batchSize, 1, 1 << 20);
  requireInteger('steps', steps, 1, 1 << 20);
}

/** A text, cut into training and validation streams. */
export interface TextData {
  readonly vocabulary: Vocabulary;
  readonly train: TextStreams;
  /** Null if `validationSplit` is 0. */
  readonly validation: TextStreams | null;
}

/** A batch source of parallel streams of tokens, in which each token is the target of the one before it. */
export class TextStreams implements BatchSource {
  readonly stateful = true;
  /** The tokens of all streams, one stream after another. */
  readonly tokens: Int32Array;
  readonly batchSize: number;
  readonly steps: number;
  private readonly from: number;
  private readonly partial: boolean;

  /**
   * @param partial whether the end of each stream, if shorter than `steps`, becomes a last, shorter batch; otherwise it is
   * dropped. With `partial`, fewer than `batchSize` tokens are not predicted.
   * @param from the token at which the first stream starts.
   * Throws `INVALID_DATA` for fewer than batchSize * steps + 1 tokens (batchSize + 1 with `partial`), `INVALID_SETTING` for
   * sizes out of range.
   */
  constructor(tokens: Int32Array, batchSize: number, steps: number, partial = false, from = 0) {
    requireSizes(batchSize, steps);
    if (!(tokens instanceof Int32Array)) {
      throw invalidData('tokens', `must be an Int32Array, got ${shown(tokens)}.`, 'Use vocabulary.encode(text).');
    }
    requireOptional('partial', partial, 'boolean');
    requireInteger('from', from, 0, tokens.length);
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
        'Give more text, or a smaller batchSize or fewer steps.',
      );
    }
  }

  /** Number of predictions in each stream. */
  private get streamLength(): number {
    return Math.max(0, Math.floor((this.tokens.length - this.from - 1) / this.batchSize));
  }

  /** The number of batches. */
  get length(): number {
    return this.partial ? Math.ceil(this.streamLength / this.steps) : Math.floor(this.streamLength / this.steps);
  }

  /** The number of tokens that all batches together predict. */
  get predictions(): number {
    return this.batchSize * (this.partial ? this.streamLength : this.length * this.steps);
  }

  /** Batch `index`: inputs [T, N] and, as targets [T, N], the token after each input. */
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
   * Returns the same text cut at other places: it starts later by a random number of tokens, less than `steps` and no more than
   * the tokens that the batches leave over, so that the number of batches stays the same.
   */
  shuffled(rng: Rng): TextStreams {
    requireRng('rng', rng);
    const left = this.tokens.length - 1 - this.predictions;
    const shift = rng.integer(Math.min(this.steps, left + 1));
    return new TextStreams(this.tokens, this.batchSize, this.steps, this.partial, shift);
  }

  /** Returns the streams as plain data. */
  describe() {
    const { tokens, batchSize, steps, partial, from } = this;
    return { kind: 'textStreams', tokens, batchSize, steps, partial, from };
  }
}

/**
 * Cuts a text into training and validation streams. Throws `INVALID_DATA` if the text is too short or has characters that are not
 * in the given vocabulary, `INVALID_SETTING` for options out of range.
 */
export function textStreams(text: string, options: TextStreamOptions = {}): TextData {
  requireOptions('options', options, ['batchSize', 'steps', 'validationSplit', 'vocabulary']);
  const { batchSize = 32, steps = 64, validationSplit = 0.1 } = options;
  requireSizes(batchSize, steps);
  requireNumber('validationSplit', validationSplit, 0, 0.99);
  requireText(text);
  if (text.length === 0) {
    throw invalidData('text', 'must not be empty.', 'Give some text.');
  }
  const { vocabulary = Vocabulary.of(text) } = options;
  if (!(vocabulary instanceof Vocabulary)) {
    throw invalidSetting(
      'options.vocabulary',
      `must be a Vocabulary, got ${shown(vocabulary)}.`,
      'Use Vocabulary.of(text).',
    );
  }
  const tokens = vocabulary.encode(text);
  const cut = Math.floor(tokens.length * (1 - validationSplit));
  requireParts(tokens.length, cut, validationSplit, batchSize * steps + 1);
  return {
    vocabulary,
    train: new TextStreams(tokens.subarray(0, cut), batchSize, steps),
    validation: validationSplit > 0 ? validationStreams(tokens.subarray(cut), batchSize, steps) : null,
  };
}

/** Throws where the text is too short only because a part of it is kept for validation. */
function requireParts(length: number, cut: number, validationSplit: number, needed: number): void {
  if (validationSplit === 0 || !(length >= needed) || (cut >= needed && length - cut >= 2)) return;
  throw invalidData(
    'text',
    `has ${length} characters. A validationSplit of ${validationSplit} makes ${cut} of them training data, which need ` +
      `${needed}, and ${length - cut} validation data, which need 2.`,
    'Set validationSplit: 0 to train on all of them without validation, or give more text.',
  );
}

/** Validation streams of all tokens: at most `batchSize`, but fewer if the streams would be shorter than `steps`. */
export function validationStreams(tokens: Int32Array, batchSize: number, steps: number): TextStreams {
  requireList('tokens', tokens);
  requireInteger('batchSize', batchSize, 1, 1 << 20);
  requireInteger('steps', steps, 1, 1 << 20);
  const streams = Math.max(1, Math.min(batchSize, Math.floor((tokens.length - 1) / steps)));
  return new TextStreams(tokens, streams, steps, true);
}
