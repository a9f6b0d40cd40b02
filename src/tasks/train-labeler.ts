/** Trains classifiers and taggers. */
import { shown } from '../checks.js';
import type { LabelTask } from '../data/sequences/options.js';
import { invalidSetting } from '../errors.js';
import { Classifier, type Labeler, Tagger } from './labeler.js';
import { LABELER_SIZE_KEYS, LabeledData, type LabelerSizes } from './sequences.js';
import { type TrainTaskOptions, trainModels } from './train-models.js';

/** Options of `trainClassifier` and `trainTagger`: sizes of the model, and how it is trained. */
export interface TrainLabelerOptions extends Omit<LabelerSizes, 'seed'>, TrainTaskOptions {}

/** Throws `INVALID_SETTING` unless `data` is for the task. */
export function requireLabeled(data: unknown, task: LabelTask): asserts data is LabeledData {
  if (data instanceof LabeledData && data.pipeline.kind === task) return;
  const found = data instanceof LabeledData ? `that of ${data.pipeline.kind}()` : shown(data);
  throw invalidSetting('data', `must be the result of ${task}(), got ${found}.`);
}

/**
 * Trains a classifier. Each model ends with the weights that were best on the validation part. Throws `INVALID_SETTING` for options
 * that cannot work.
 *
 * @example
 * const classifier = await trainClassifier(data, { hiddenSize: 64, epochs: 10, seeds: [1, 2, 3] });
 * console.table((await testLabeler(classifier, data)).methods);
 */
export async function trainClassifier(data: LabeledData, options: TrainLabelerOptions = {}): Promise<Classifier> {
  requireLabeled(data, 'classification');
  return new Classifier({ models: await trainModels(data, options, LABELER_SIZE_KEYS), pipeline: data.pipeline });
}

/** Trains a tagger, as `trainClassifier` trains a classifier. */
export async function trainTagger(data: LabeledData, options: TrainLabelerOptions = {}): Promise<Tagger> {
  requireLabeled(data, 'tagging');
  return new Tagger({ models: await trainModels(data, options, LABELER_SIZE_KEYS), pipeline: data.pipeline });
}

/**
 * Several classifiers or taggers of the same pipeline as an ensemble, whose probabilities are averaged. It uses their models, which
 * `dispose` then frees. Throws `INVALID_SETTING` for others.
 */
export function labelerEnsemble<L extends Labeler>(labelers: readonly L[]): L {
  // A copy, because `every` skips holes.
  const list: readonly unknown[] = Array.isArray(labelers) ? [...labelers] : [];
  const [first] = list;
  const isOne = (one: unknown): boolean =>
    first instanceof Classifier || first instanceof Tagger
      ? (one instanceof Classifier || one instanceof Tagger) && one.pipeline === first.pipeline
      : false;
  if (list.length === 0 || !list.every(isOne)) {
    throw invalidSetting('labelers', 'must be a list of classifiers or taggers that were trained on the same data.');
  }
  const parts = { models: labelers.flatMap((one) => one.models), pipeline: labelers[0]!.pipeline };
  return (first instanceof Classifier ? new Classifier(parts) : new Tagger(parts)) as Labeler as L;
}
