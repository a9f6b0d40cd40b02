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
}

/** A copy of the options. Throws `INVALID_SETTING`. */
function requireSampling(options: SamplingOptions, count: number): Required<SamplingOptions> {
  requireOptions('options', options, ['temperature', 'topK']);
  const { temperature = 1, topK = count } = options;
  requireNumber('temperature', temperature, 0, Number.POSITIVE_INFINITY);
  requireInteger('topK', topK, 1, Number.MAX_SAFE_INTEGER);
  return { temperature, topK };
}

/**
 * One token number, drawn with probability softmax(logits / temperature) among the `topK` likeliest. A logit of -Infinity rules
 * a token out. Throws `INVALID_DATA` for logits of NaN.
 */
export function sampleToken(logits: ArrayLike<number>, rng: Rng, options: SamplingOptions = {}): number {
  requireLogits('logits', logits, logits?.length);
  if (logits.length === 0) throw invalidData('logits', 'are empty.');
  requireFunction('rng.uniform', rng?.uniform);
  const { temperature, topK } = requireSampling(options, logits.length);
  // By falling logit, ties by number, so that a draw does not depend on the engine's sort.
  const order = Array.from({ length: logits.length }, (_, i) => i).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const best = order[0]!;
  if (temperature === 0) return best;
  const kept = order.slice(0, topK);
  const weights = kept.map((i) => Math.exp((logits[i]! - logits[best]!) / temperature));
  const drawn: unknown = rng.uniform();
  requireNumber('rng.uniform()', drawn, 0, 1);
  let left = drawn * weights.reduce((a, b) => a + b, 0);
  for (const [rank, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return kept[rank]!;
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

function requireTokenModel(model: StreamingModel): EmbeddingSpec {
  const first = model?.spec?.layers?.[0];
  if (first?.kind === 'embedding' && model.outputSize === first.size && typeof model.stream === 'function')
    return first;
  const problem = 'generating needs a model that starts with an embedding and returns logits over the same tokens.';
  throw invalidSetting('layers', problem);
}

async function* tokens(model: StreamingModel, prompt: readonly number[], rng: Rng, options: SamplingOptions) {
  const stream = model.stream(1);
  try {
    let logits = await stream.step([prompt[0]!]);
    for (const token of prompt.slice(1)) logits = await stream.step([token]);
    for (;;) {
      const token = sampleToken(logits, rng, options);
      yield token;
      logits = await stream.step([token]);
    }
  } finally {
    stream.dispose();
  }
}
