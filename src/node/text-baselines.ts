/** N-grams as baselines of a language model whose text is larger than memory. */
import { setImmediate } from 'node:timers/promises';
import { requireInteger, requireList, requireOptions, requireSignal } from '../checks.js';
import { NGRAM_ORDERS, type NgramBaseline } from '../data/ngram.js';
import { NgramCounts } from '../data/ngram-counts.js';
import { invalidData } from '../errors.js';
import { TextFileData, TextFileStreams } from './text-file.js';

/** Options of `textFileBaselines`. */
export interface TextFileBaselineOptions {
  /** Orders of the n-grams, 1 to 32 each. Default 1, 2 and 5. */
  readonly orders?: readonly number[];
  /** Characters of the training part, from its end, in which n-grams are counted at most. Default 268,435,456. */
  readonly maxCharacters?: number;
  /** The counting ends, too, after so many different n-grams of all orders, which take up to 100 bytes each. Default 4,194,304. */
  readonly maxNgrams?: number;
  /** Ends the counting early, as an AbortController does; the result then has no baselines. */
  readonly signal?: { readonly aborted: boolean };
}

/** The result of `textFileBaselines`. */
export interface TextFileBaselines {
  /** Mean bits per character of the validation part. Empty if `signal` has ended the counting. */
  readonly baselines: readonly NgramBaseline[];
  /** The characters at the end of the training part in which the n-grams were counted. */
  readonly counted: number;
}

/** Characters that are read at a time. */
const BLOCK = 1 << 16;

/**
 * Measures Kneser-Ney n-grams on the validation part of a text in a file, in bounded memory. They are counted in the training part, from
 * its end to its start, until a limit is reached; `counted` says how far. If all of it is counted, the bits are those of
 * `ngramBitsPerCharacter`. Throws `INVALID_DATA` for a text without a validation part.
 */
export async function textFileBaselines(
  data: TextFileData,
  options: TextFileBaselineOptions = {},
): Promise<TextFileBaselines> {
  requireOptions('options', options ?? null, ['orders', 'maxCharacters', 'maxNgrams', 'signal']);
  const { orders = NGRAM_ORDERS, maxCharacters = 2 ** 28, maxNgrams = 2 ** 22, signal } = options;
  requireInteger('options.maxCharacters', maxCharacters, 1, Number.MAX_SAFE_INTEGER);
  requireInteger('options.maxNgrams', maxNgrams, 1, 2 ** 26);
  requireList('options.orders', orders);
  for (let i = 0; i < Math.max(1, orders.length); i++) requireInteger(`options.orders[${i}]`, orders[i], 1, 32);
  if (signal !== undefined) requireSignal('options.signal', signal);
  if (!(data instanceof TextFileData) || !(data.train instanceof TextFileStreams)) {
    throw invalidData('data', 'must be the result of textFileStreams.');
  }
  const { train, validation, vocabulary } = data;
  if (!(validation instanceof TextFileStreams)) {
    throw invalidData('data', 'has no validation part.', 'Open the text with a validationSplit above 0.');
  }
  const counts = new NgramCounts(vocabulary.size, Array.from(orders));
  const counted = await countBackwards(counts, train, { maxCharacters, maxNgrams, signal });
  counts.finish();
  await scoreAll(counts, train, validation, signal);
  if (signal?.aborted) return { baselines: [], counted };
  const baselines = Array.from(orders, (order, i) => ({ order, bits: counts.bits[i]! / validation.characters }));
  return { baselines, counted };
}

/** Counts block by block, from the last one. Returns the number of tokens counted. */
async function countBackwards(
  counts: NgramCounts,
  train: TextFileStreams,
  limits: Pick<Required<TextFileBaselineOptions>, 'maxCharacters' | 'maxNgrams'> & TextFileBaselineOptions,
): Promise<number> {
  let start = train.characters;
  const first = Math.max(0, start - limits.maxCharacters);
  while (start > first && counts.size < limits.maxNgrams && !limits.signal?.aborted) {
    const end = start;
    start = Math.max(first, end - BLOCK);
    const context = Math.min(start, counts.contextLength);
    counts.count(train.read(start - context, end - start + context), context);
    await setImmediate(); // so that signals are noticed
  }
  return train.characters - start;
}

/** Scores the validation part, which continues the training part. */
async function scoreAll(
  counts: NgramCounts,
  train: TextFileStreams,
  validation: TextFileStreams,
  signal: TextFileBaselineOptions['signal'],
): Promise<void> {
  let context = train.read(Math.max(0, train.characters - counts.contextLength), counts.contextLength);
  for (let at = 0; at < validation.characters && !signal?.aborted; at += BLOCK) {
    const block = validation.read(at, BLOCK);
    const tokens = new Int32Array(context.length + block.length);
    tokens.set(context);
    tokens.set(block, context.length);
    counts.score(tokens, context.length);
    context = tokens.slice(Math.max(0, tokens.length - counts.contextLength));
    await setImmediate();
  }
}
