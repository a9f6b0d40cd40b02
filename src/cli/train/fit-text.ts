/** The training of a language model with the settings of `unspool train`. */
import { invalidSetting } from '../../errors.js';
import {
  accumulate,
  type FitOptions,
  fit,
  type Model,
  type TextData,
  type Training,
  type TrainingState,
} from '../../index.js';
import { fitOptionsOf } from './read-settings.js';
import type { TrainSettings } from './settings.js';

/** What an update reads, and how its gradient is computed, with the other options of `fit`. */
export async function trainingParts(
  text: TextData,
  settings: TrainSettings,
): Promise<[TextData | Grouped, FitOptions]> {
  const options = await fitOptionsOf(settings);
  if (settings.accumulate === 1) return [text, options];
  if (options.gradient) {
    throw invalidSetting(
      'accumulate',
      'cannot be combined with an estimator.',
      'Use --estimator bptt, or --accumulate 1.',
    );
  }
  const { train, gradient } = accumulate(text.train, settings.accumulate);
  return [
    { ...text, train },
    { ...options, gradient },
  ];
}

type Grouped = Omit<TextData, 'train'> & Pick<ReturnType<typeof accumulate>, 'train'>;

/** Starts or continues a training. Throws `INVALID_SETTING`. */
export async function fitText(
  model: Model,
  text: TextData,
  settings: TrainSettings,
  { signal, resume }: { readonly signal?: AbortSignal; readonly resume?: TrainingState | undefined } = {},
): Promise<Training> {
  const [data, options] = await trainingParts(text, settings);
  return fit(model, data, signal ? { ...options, signal } : options, resume);
}
