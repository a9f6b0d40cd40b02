/** Generates tokens: draws each from the model's output and feeds it back. */
import {
  requireFunction,
  requireInteger,
  requireLogits,
  requireNumber,
  requireOptions,
  requireTokens,
} from '../checks.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { EmbeddingSpec } from './layers/embedding.js';
import type { Model } from './model.js';
import type { Rng } from './rng.js';
import type { Stream } from './stream.js';

/** How the next token is drawn from the logits of a model. */
export interface SamplingOptions {
  /** Divides the logits: below 1 favors likely tokens, above 1 unlikely ones; 0 takes the likeliest. Default 1. */
  readonly temperature?: number;
  /** Draw from the `topK` likeliest tokens only. Default: all. */
  readonly topK?: number;
  /**
   * Draw from the likeliest tokens only that together have at least this probability, above 0 and up to 1 (nucleus sampling,
   * Holtzman et al. 2020). It is applied after `temperature` and `topK`. Default 1: all.
   */
  readonly topP?: number;
  /** Divides positive logits of recent tokens, and multiplies negative ones (Keskar et al. 2019); at least 1. Default 1: no penalty. */
  readonly repetitionPenalty?: number;
  /** Number of recent tokens that `repetitionPenalty` applies to, at least 1. Default 64. */
  readonly repetitionWindow?: number;
}

export const SAMPLING_KEYS = ['temperature', 'topK', 'topP', 'repetitionPenalty', 'repetitionWindow'] as const;

/** A copy of the options. Throws `INVALID_SETTING`. */
function requireSampling(options: SamplingOptions, count: number): Required<SamplingOptions> {
  requireOptions('options', options, SAMPLING_KEYS);
  const { temperature = 1, topK = count, topP = 1, repetitionPenalty = 1, repetitionWindow = 64 } = options;
  requireNumber('temperature', temperature, 0, Number.POSITIVE_INFINITY);
  requireInteger('topK', topK, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('topP', topP, Number.MIN_VALUE, 1);
  requireNumber('repetitionPenalty', repetitionPenalty, 1, Number.MAX_VALUE);
  requireInteger('repetitionWindow', repetitionWindow, 1, Number.MAX_SAFE_INTEGER);
  return { temperature, topK, topP, repetitionPenalty, repetitionWindow };
}

/** A copy of the logits in which those of recent tokens are less likely. */
function penalized(logits: ArrayLike<number>, recent: Iterable<number>, penalty: number): ArrayLike<number> {
  const copy = Float64Array.from(logits);
  for (const token of new Set(recent)) copy[token]! *= copy[token]! > 0 ? 1 / penalty : penalty;
  return copy;
}

/** The number of first weights, of falling ones, that together have a share of at least `topP`. */
function nucleus(weights: readonly number[], topP: number): number {
  const needed = topP * weights.reduce((a, b) => a + b, 0);
  let sum = 0;
  return weights.findIndex((weight) => (sum += weight) >= needed) + 1 || weights.length;
}

/**
 * One token number, drawn with probability softmax(logits / temperature) among the tokens that `topK` and `topP` leave. A logit of
 * -Infinity rules a token out. `previous` are the tokens before it, for `repetitionPenalty`. Throws `INVALID_DATA` for logits of NaN.
 */
export function sampleToken(
  logits: ArrayLike<number>,
  rng: Rng,
  options: SamplingOptions = {},
  previous: ArrayLike<number> = [],
): number {
  requireLogits('logits', logits, logits?.length);
  if (logits.length === 0) throw invalidData('logits', 'are empty.');
  requireFunction('rng.uniform', rng?.uniform);
  requireTokens('previous', previous, logits.length);
  return draw(logits, rng, requireSampling(options, logits.length), previous);
}

function draw(
  given: ArrayLike<number>,
  rng: Rng,
  { temperature, topK, topP, repetitionPenalty, repetitionWindow }: Required<SamplingOptions>,
  previous: ArrayLike<number>,
): number {
  const recent = repetitionPenalty === 1 ? [] : Array.from(previous).slice(-repetitionWindow);
  const logits = recent.length === 0 ? given : penalized(given, recent, repetitionPenalty);
  // By falling logit, ties by number, so that a draw does not depend on the engine's sort.
  const order = Array.from({ length: logits.length }, (_, i) => i).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const best = order[0]!;
  if (temperature === 0) return best;
  const likeliest = order.slice(0, topK).map((i) => Math.exp((logits[i]! - logits[best]!) / temperature));
  const weights = topP === 1 ? likeliest : likeliest.slice(0, nucleus(likeliest, topP));
  const drawn: unknown = rng.uniform();
  requireNumber('rng.uniform()', drawn, 0, 1);
  let left = drawn * weights.reduce((a, b) => a + b, 0);
  for (const [rank, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return order[rank]!;
  }
  return best;
}

/** A model, or a model in a worker, that can be fed one step at a time. */
export interface StreamingModel extends Pick<Model, 'spec' | 'outputSize'> {
  stream(batchSize?: number): Pick<Stream, 'step' | 'dispose'>;
}

/**
 * Reads `prompt` (at least one token), then yields tokens without end; each is fed back as the next input. The model must
 * start with an embedding and return logits over the same tokens. Each token is computed with the weights as they are then. Throws
 * `INVALID_SETTING` or `INVALID_DATA` at the call. The memory is freed when the loop over the tokens ends.
 */
export function generate(
  model: StreamingModel,
  prompt: ArrayLike<number>,
  rng: Rng,
  options: SamplingOptions = {},
): AsyncGenerator<number, void, void> {
  const { size } = requireTokenModel(model);
  requireTokens('prompt', prompt, size);
  if (prompt.length === 0) throw invalidData('prompt', 'is empty.', 'Pass at least one token.');
  requireFunction('rng.uniform', rng?.uniform);
  return tokens(model, Array.from(prompt), rng, requireSampling(options, size));
}

/** The embedding of a model that reads and returns the same tokens. Throws `INVALID_SETTING` for any other. */
export function requireTokenModel(model: StreamingModel): EmbeddingSpec {
  const first = model?.spec?.layers?.[0];
  if (first?.kind === 'embedding' && model.outputSize === first.size && typeof model.stream === 'function')
    return first;
  const problem = 'generating needs a model that starts with an embedding and returns logits over the same tokens.';
  throw invalidSetting('layers', problem);
}

async function* tokens(model: StreamingModel, prompt: readonly number[], rng: Rng, options: Required<SamplingOptions>) {
  const stream = model.stream(1);
  const recent = prompt.slice(-options.repetitionWindow);
  try {
    let logits = await stream.step([prompt[0]!]);
    for (const token of prompt.slice(1)) logits = await stream.step([token]);
    for (;;) {
      requireLogits('logits', logits, logits.length);
      const token = draw(logits, rng, options, recent);
      recent.push(token);
      if (recent.length > options.repetitionWindow) recent.shift();
      yield token;
      logits = await stream.step([token]);
    }
  } finally {
    stream.dispose();
  }
}
