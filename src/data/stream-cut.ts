/** Where the batches of parallel streams lie in a list of tokens, whether the list is in memory or in a file. */

import { requireInteger, requireOptional } from '../checks.js';
import type { Batch } from '../core/model.js';
import type { Rng } from '../core/rng.js';
import { invalidData } from '../errors.js';

export function requireSizes(batchSize: unknown, steps: unknown): void {
  requireInteger('batchSize', batchSize, 1, 1 << 20);
  requireInteger('steps', steps, 1, 1 << 20);
}

/** How many streams read so many tokens for validation: at most `batchSize`, fewer if they would be shorter than `steps`. */
export function validationStreamCount(characters: number, batchSize: number, steps: number): number {
  return Math.max(1, Math.min(batchSize, Math.floor((characters - 1) / steps)));
}

/** The number of characters before the validation part. Throws `INVALID_DATA` if only that part makes the others too few. */
export function trainingLength(
  characters: number,
  {
    batchSize,
    steps,
    validationSplit,
  }: { readonly batchSize: number; readonly steps: number; validationSplit: number },
): number {
  const cut = Math.floor(characters * (1 - validationSplit));
  const needed = batchSize * steps + 1;
  if (validationSplit === 0 || !(characters >= needed) || (cut >= needed && characters - cut >= 2)) return cut;
  throw invalidData(
    'text',
    `has ${characters} characters. A validationSplit of ${validationSplit} makes ${cut} of them training data, which need ` +
      `${needed}, and ${characters - cut} validation data, which need 2.`,
    'Set validationSplit: 0 to train on all of them without validation, or give more text.',
  );
}

/** The batch of T steps whose stream n starts at `tokens[at(n)]`: inputs [T, N] and, as targets [T, N], the token after each input. */
export function batchOf(
  tokens: ArrayLike<number>,
  { T, N }: { readonly T: number; readonly N: number },
  at: (stream: number) => number,
): Batch {
  const inputs = new Int32Array(T * N);
  const targets = new Int32Array(T * N);
  for (let n = 0; n < N; n++) {
    const first = at(n);
    for (let t = 0; t < T; t++) {
      inputs[t * N + n] = tokens[first + t]!;
      targets[t * N + n] = tokens[first + t + 1]!;
    }
  }
  return { steps: T, batchSize: N, inputs, targets };
}

/** The sizes of parallel streams. */
export interface StreamSizes {
  readonly batchSize: number;
  readonly steps: number;
  /** Whether the end of each stream, if shorter than `steps`, becomes a last, shorter batch. */
  readonly partial: boolean;
  /** The token at which the first stream starts. */
  readonly from: number;
}

/** A number of tokens, cut into streams of equal length. */
export class StreamCut {
  /** Number of predictions in each stream. */
  readonly streamLength: number;
  /** The number of batches. */
  readonly length: number;
  /** The number of tokens that all batches together predict. */
  readonly predictions: number;
  readonly characters: number;
  readonly sizes: StreamSizes;

  /** Throws `INVALID_DATA` for too few tokens, `INVALID_SETTING` for sizes out of range. */
  constructor(characters: number, sizes: StreamSizes) {
    const { batchSize, steps, partial, from } = sizes;
    requireOptional('partial', partial, 'boolean');
    requireInteger('from', from, 0, characters);
    this.characters = characters;
    this.sizes = sizes;
    this.streamLength = Math.max(0, Math.floor((characters - from - 1) / batchSize));
    this.length = (partial ? Math.ceil : Math.floor)(this.streamLength / steps);
    this.predictions = batchSize * (partial ? this.streamLength : this.length * steps);
    if (this.length > 0) return;
    throw invalidData(
      'text',
      `${characters} characters are too few for ${batchSize} streams of ${partial ? 1 : steps} steps ` +
        `(at least ${batchSize * (partial ? 1 : steps) + 1}).`,
      'Give more text, or a smaller batchSize or fewer steps.',
    );
  }

  /** Where batch `index` starts in each stream, and its steps. */
  batch(index: number): { readonly start: number; readonly T: number } {
    requireInteger('batch index', index, 0, this.length - 1);
    const { steps } = this.sizes;
    const start = index * steps;
    return { start, T: Math.min(steps, this.streamLength - start) };
  }

  /** The first token of a stream. */
  startOf(stream: number): number {
    return this.sizes.from + stream * this.streamLength;
  }

  /** Where the first stream of another epoch starts: a random number of tokens later, with the same number of batches. */
  shift(rng: Rng): number {
    const left = this.characters - 1 - this.predictions;
    return rng.integer(Math.min(this.sizes.steps, left + 1));
  }
}
