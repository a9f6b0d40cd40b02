/**
 * Text for stateful truncated BPTT. The text is cut into N streams of equal length that are read in parallel, T characters at a
 * time. Batch k continues where batch k-1 stopped, so that the model's state can be carried over.
 */

import { requireList, requireNumber, requireOptions, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import { type Rng, requireRng } from '../core/rng.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { BatchSource } from './source.js';
import { batchOf, requireSizes, StreamCut, trainingLength, validationStreamCount } from './stream-cut.js';
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
  private readonly cut: StreamCut;

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
    this.cut = new StreamCut(tokens.length, { batchSize, steps, partial, from });
    this.tokens = tokens;
    this.batchSize = batchSize;
    this.steps = steps;
  }

  /** The number of batches. */
  get length(): number {
    return this.cut.length;
  }

  /** The number of tokens that all batches together predict. */
  get predictions(): number {
    return this.cut.predictions;
  }

  /** Batch `index`: inputs [T, N] and, as targets [T, N], the token after each input. */
  batch(index: number): Batch {
    const { start, T } = this.cut.batch(index);
    return batchOf(this.tokens, { T, N: this.batchSize }, (stream) => this.cut.startOf(stream) + start);
  }

  /**
   * Returns the same text cut at other places: it starts later by a random number of tokens, less than `steps` and no more than
   * the tokens that the batches leave over, so that the number of batches stays the same.
   */
  shuffled(rng: Rng): TextStreams {
    requireRng('rng', rng);
    return new TextStreams(this.tokens, this.batchSize, this.steps, this.cut.sizes.partial, this.cut.shift(rng));
  }

  /** Returns the streams as plain data. */
  describe() {
    return { kind: 'textStreams', tokens: this.tokens, ...this.cut.sizes };
  }
}

/** The names of the options of `textStreams`. */
export const STREAM_OPTIONS: readonly (keyof TextStreamOptions)[] = [
  'batchSize',
  'steps',
  'validationSplit',
  'vocabulary',
];

/** The options with their defaults. Throws `INVALID_SETTING` for those out of range. */
export function streamSettings({ batchSize = 32, steps = 64, validationSplit = 0.1, vocabulary }: TextStreamOptions) {
  requireSizes(batchSize, steps);
  requireNumber('validationSplit', validationSplit, 0, 0.99);
  if (vocabulary !== undefined && !(vocabulary instanceof Vocabulary)) {
    throw invalidSetting(
      'options.vocabulary',
      `must be a Vocabulary, got ${shown(vocabulary)}.`,
      'Use Vocabulary.of(text).',
    );
  }
  return { batchSize, steps, validationSplit };
}

/**
 * Cuts a text into training and validation streams. Throws `INVALID_DATA` if the text is too short or has characters that are not
 * in the given vocabulary, `INVALID_SETTING` for options out of range.
 */
export function textStreams(text: string, options: TextStreamOptions = {}): TextData {
  requireOptions('options', options, STREAM_OPTIONS);
  const { batchSize, steps, validationSplit } = streamSettings(options);
  requireText(text);
  if (text.length === 0) {
    throw invalidData('text', 'must not be empty.', 'Give some text.');
  }
  const { vocabulary = Vocabulary.of(text) } = options;
  const tokens = vocabulary.encode(text);
  const cut = trainingLength(tokens.length, { batchSize, steps, validationSplit });
  return {
    vocabulary,
    train: new TextStreams(tokens.subarray(0, cut), batchSize, steps),
    validation: validationSplit > 0 ? validationStreams(tokens.subarray(cut), batchSize, steps) : null,
  };
}

/** Validation streams of all tokens: at most `batchSize`, but fewer if the streams would be shorter than `steps`. */
export function validationStreams(tokens: Int32Array, batchSize: number, steps: number): TextStreams {
  requireList('tokens', tokens);
  requireSizes(batchSize, steps);
  const streams = validationStreamCount(tokens.length, batchSize, steps);
  return new TextStreams(tokens, streams, steps, true);
}
