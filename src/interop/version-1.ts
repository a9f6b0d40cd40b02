/** Model files written by Unspool 0.1: what version 1 of the format called differently. */

type Renames = Readonly<Record<string, string>>;

/** Settings of `unspool train` that have another name now. */
const SETTINGS: Renames = { batch: 'batchSize', heldOut: 'validationSplit', maxSteps: 'maxUpdates' };

/** What `unspool train` writes beside the settings. */
const RESULTS: Renames = {
  steps: 'updates',
  heldOutLoss: 'validationLoss',
  heldOutBitsPerCharacter: 'validationBitsPerCharacter',
};

/** Settings of an optimizer that have another name now. */
const OPTIMIZER: Renames = { rate: 'learningRate', rateDecay: 'learningRateDecay' };

/** Parts of a training state that have another name now. */
const TRAINING: Renames = { step: 'update', memory: 'observed' };

const renamed = (value: object, names: Renames): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([key, part]) => [names[key] ?? key, part]));

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The metadata with the settings' names of today. */
export function metadataFromVersion1(metadata: object): object {
  const { settings } = metadata as { settings?: unknown };
  if (!isObject(settings)) return metadata;
  const all = renamed(settings, SETTINGS);
  if (isObject(all.optimizer)) all.optimizer = renamed(all.optimizer, OPTIMIZER);
  return { ...renamed(metadata, RESULTS), settings: all };
}

/** The training state with the names of today. */
export const trainingFromVersion1 = (training: object): object => renamed(training, TRAINING);
