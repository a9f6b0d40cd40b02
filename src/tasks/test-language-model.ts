/** Tests of language models, next to n-grams that are counted in the text before the test part. */
import { requireInteger, requireList, requireOptions } from '../checks.js';
import type { Model } from '../core/model.js';
import { createRng } from '../core/rng.js';
import { NGRAM_ORDERS, type NgramBaseline } from '../data/ngram.js';
import { validationStreams } from '../data/text.js';
import { invalidData } from '../errors.js';
import { bootstrapIntervals } from '../metrics/bootstrap.js';
import { bitsPerCharacter, ClassificationMetrics, perplexity } from '../metrics/classification.js';
import { evaluate } from '../train/evaluate.js';
import { ngramBaselines } from './ngram-baselines.js';

/** Options of `testLanguageModel`. */
export interface TestLanguageModelOptions {
  /** The tokens before the test part, in which the n-grams are counted. Default: none, and no baselines. */
  readonly train?: Int32Array;
  /** Streams that are read in parallel. Default 32. */
  readonly batchSize?: number;
  /** Time steps per window; the state is carried from window to window. Default 64. */
  readonly steps?: number;
  /** Orders of the n-grams, 1 to 32 each. Default 1, 2 and 5. */
  readonly orders?: readonly number[];
  /** Resamples of the bootstrap intervals. Default 1000. */
  readonly bootstrap?: number;
}

/** The result of `testLanguageModel`. */
export interface LanguageModelReport {
  /** Mean cross-entropy in nats per character. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerCharacter: number;
  /** Share of the characters that have the largest probability, and one of the five largest. */
  readonly accuracy: number;
  readonly top5Accuracy: number;
  /** 95 % bootstrap intervals from resampled windows; null if the text has fewer than ten. */
  readonly bitsInterval: readonly [low: number, high: number] | null;
  readonly accuracyInterval: readonly [low: number, high: number] | null;
  /** Characters that were predicted: all but the first of each stream. */
  readonly characters: number;
  /** Bits per character of Kneser-Ney n-grams on the same tokens; null without `train`. */
  readonly baselines: readonly NgramBaseline[] | null;
}

/** Fewer windows than this say little about how the result varies. */
const MIN_WINDOWS = 10;
/** More windows than this are resampled in groups of consecutive ones, which takes less time and gives the same interval. */
const MAX_GROUPS = 1000;

/** Means over the characters of a window, and their number. */
interface WindowScores {
  readonly count: number;
  readonly bits: number;
  readonly accuracy: number;
  readonly top5: number;
}

/** The mean over all characters. */
const mean = (windows: readonly WindowScores[], name: 'bits' | 'accuracy' | 'top5'): number =>
  windows.reduce((sum, one) => sum + one.count * one[name], 0) / windows.reduce((sum, { count }) => sum + count, 0);

/** The intervals of the bits per character and of the accuracy. */
function intervalsOf(windows: readonly WindowScores[], repeats: number) {
  const size = Math.ceil(windows.length / MAX_GROUPS);
  const groups = Array.from({ length: Math.ceil(windows.length / size) }, (_, g) => {
    const list = windows.slice(g * size, (g + 1) * size);
    const count = list.reduce((sum, one) => sum + one.count, 0);
    return { count, bits: mean(list, 'bits'), accuracy: mean(list, 'accuracy'), top5: mean(list, 'top5') };
  });
  const rng = createRng(1, 'bootstrap');
  const figures = (units: Int32Array): [bits: number, accuracy: number] => {
    const list = Array.from(units, (unit) => groups[unit]!);
    return [mean(list, 'bits'), mean(list, 'accuracy')];
  };
  return bootstrapIntervals(groups.length, figures, { repeats, level: 0.95, uniform: () => rng.uniform() });
}

/**
 * Tests a model that predicts the next token, such as one of `textStreams` and `fit`. The state starts at zero in each of
 * `batchSize` streams. Throws `INVALID_DATA` for fewer than two tokens, or tokens that the model does not have.
 *
 * @param tokens the test part, such as `data.validation.tokens` or `vocabulary.encode(text)`.
 */
export async function testLanguageModel(
  model: Model,
  tokens: Int32Array,
  options: TestLanguageModelOptions = {},
): Promise<LanguageModelReport> {
  requireOptions('options', options, ['train', 'batchSize', 'steps', 'orders', 'bootstrap']);
  const { train, batchSize = 32, steps = 64, orders = NGRAM_ORDERS, bootstrap = 1000 } = options;
  requireInteger('options.bootstrap', bootstrap, 1, 1 << 20);
  requireList('options.orders', orders);
  requireList('tokens', tokens);
  if (tokens.length < 2) throw invalidData('tokens', `must be at least 2, got ${tokens.length}.`);
  const source = validationStreams(tokens, batchSize, steps);
  const windows: WindowScores[] = [];
  const loss = await evaluate(model, source, 'crossEntropy', (logits, { targets }) => {
    const { count, bits, accuracy, topKAccuracy } = new ClassificationMetrics(model.outputSize, { topK: 5 }).add(
      logits,
      targets,
    );
    windows.push({ count, bits, accuracy, top5: topKAccuracy });
  });
  const intervals = windows.length < MIN_WINDOWS ? null : intervalsOf(windows, bootstrap);
  return {
    loss,
    perplexity: perplexity(loss),
    bitsPerCharacter: bitsPerCharacter(loss),
    accuracy: mean(windows, 'accuracy'),
    top5Accuracy: mean(windows, 'top5'),
    bitsInterval: intervals && intervals[0]!,
    accuracyInterval: intervals && intervals[1]!,
    characters: source.predictions,
    baselines: train === undefined ? null : ngramBaselines(train, tokens, model.outputSize, orders),
  };
}
