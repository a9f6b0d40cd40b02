/** The training of a language model with the settings of `unspool train`. */
import type { DistributedGradient } from '../../distributed/index.js';
import { invalidSetting } from '../../errors.js';
import { accumulate, type FitOptions, fit, type Model, type Training, type TrainingState } from '../../index.js';
import { fitOptionsOf } from './read-settings.js';
import type { TrainSettings } from './settings.js';
import type { TrainingText } from './training-source.js';

/** What an update reads, and how its gradient is computed, with the other options of `fit`. */
export async function trainingParts(
  text: TrainingText,
  settings: TrainSettings,
  shared: Shared = {},
): Promise<[TrainingText | Grouped, FitOptions]> {
  const options = { ...(await fitOptionsOf(settings)), ...(shared.signal && { signal: shared.signal }) };
  if (settings.shards > 0) Object.assign(options, await shardsOf(settings, shared));
  if (settings.accumulate === 1) return [text, options];
  if (options.gradient && settings.shards === 0) {
    throw invalidSetting(
      'accumulate',
      'cannot be combined with an estimator.',
      'Use --estimator bptt, or --accumulate 1.',
    );
  }
  const { train, gradient } = accumulate(text.train, settings.accumulate, options.gradient);
  const { vocabulary, validation } = text;
  return [
    { vocabulary, validation, train },
    { ...options, gradient },
  ];
}

type Grouped = Pick<TrainingText, 'vocabulary' | 'validation'> & Pick<ReturnType<typeof accumulate>, 'train'>;

/** What ends a training, and the gradient of one that several ranks share. */
interface Shared {
  readonly signal?: AbortSignal | undefined;
  readonly gradient?: DistributedGradient | undefined;
}

async function shardsOf(settings: TrainSettings, { signal, gradient }: Shared) {
  const { shardedGradient } = await import('./shards.js');
  const own = gradient ?? shardedGradient(settings, signal);
  return { gradient: own, signal: own.signal };
}

/** Starts or continues a training. Throws `INVALID_SETTING`. */
export async function fitText(
  model: Model,
  text: TrainingText,
  settings: TrainSettings,
  { resume, ...shared }: Shared & { readonly resume?: TrainingState | undefined } = {},
): Promise<Training> {
  const [data, options] = await trainingParts(text, settings, shared);
  return fit(model, data, options, resume);
}
