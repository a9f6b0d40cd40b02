/** Text from a model of characters, with stop strings. */
import { requireInteger, requireOptions, shown } from '../checks.js';
import { generate, SAMPLING_KEYS, type SamplingOptions, type StreamingModel } from '../core/generate.js';
import type { Rng } from '../core/rng.js';
import { invalidSetting } from '../errors.js';
import { Vocabulary } from './vocabulary.js';

/** Options of `generateText`. */
export interface TextGenerationOptions extends SamplingOptions {
  /** Number of characters to write at most. Default 500. */
  readonly length?: number;
  /** Strings that end the generation; they are not part of the result. Default: none. */
  readonly stop?: readonly string[];
}

/**
 * Continues `prompt`, which is at least one character, and yields the text piece by piece: usually one character, but nothing while the
 * last characters may be the beginning of a stop string. Ends after `length` characters or before a stop string. Throws
 * `INVALID_SETTING`, and `INVALID_DATA` for a character that the model does not know.
 *
 * @example
 * for await (const piece of generateText(model, vocabulary, 'Call me', createRng(1, 'sample'), { stop: ['\n'] })) process.stdout.write(piece);
 */
export function generateText(
  model: StreamingModel,
  vocabulary: Vocabulary,
  prompt: string,
  rng: Rng,
  options: TextGenerationOptions = {},
): AsyncGenerator<string, void, void> {
  if (!(vocabulary instanceof Vocabulary)) {
    throw invalidSetting(
      'vocabulary',
      `must be a Vocabulary, got ${shown(vocabulary)}.`,
      'Use that of the model file.',
    );
  }
  requireOptions('options', options, [...SAMPLING_KEYS, 'length', 'stop']);
  const { length = 500, stop = [], ...sampling } = options;
  requireInteger('length', length, 0, Number.MAX_SAFE_INTEGER);
  requireStop(stop);
  const tokens = generate(model, vocabulary.encode(prompt), rng, sampling);
  return pieces(tokens, vocabulary, length, [...stop]);
}

function requireStop(stop: unknown): asserts stop is readonly string[] {
  const isText = (one: unknown): boolean => typeof one === 'string' && one !== '';
  if (Array.isArray(stop) && Array.from(stop).every(isText)) return;
  throw invalidSetting('stop', `must be a list of texts that are not empty, got ${shown(stop)}.`);
}

/** The number of last characters of a text that may be the beginning of a stop string. */
function held(text: string, stop: readonly string[]): number {
  const longest = Math.max(0, ...stop.map((one) => one.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(-length);
    if (stop.some((one) => one.startsWith(end))) return length;
  }
  return 0;
}

async function* pieces(
  tokens: AsyncGenerator<number, void, void>,
  vocabulary: Vocabulary,
  length: number,
  stop: readonly string[],
): AsyncGenerator<string, void, void> {
  let waiting = '';
  try {
    for (let i = 0; i < length; i++) {
      const { value } = await tokens.next();
      waiting += vocabulary.decode([value as number]);
      if (stop.some((one) => waiting.endsWith(one))) {
        const end = Math.min(...stop.filter((one) => waiting.endsWith(one)).map((one) => waiting.length - one.length));
        if (end > 0) yield waiting.slice(0, end);
        return;
      }
      const ready = waiting.length - held(waiting, stop);
      if (ready === 0) continue;
      yield waiting.slice(0, ready);
      waiting = waiting.slice(ready);
    }
    if (waiting !== '') yield waiting;
  } finally {
    await tokens.return();
  }
}
