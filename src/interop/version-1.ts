/** Translates the model files of Unspool 0.1 (version 1 of the format), which used other names, into those of version 2. */

import { isObject } from '../checks.js';
import { FORMER_SETTINGS } from './former-settings.js';

type JsonObject = Readonly<Record<string, unknown>>;
type Renames = Readonly<Record<string, string>>;

const SETTINGS: Renames = Object.fromEntries(Object.entries(FORMER_SETTINGS).map(([now, former]) => [former, now]));

/** What `unspool train` writes next to its settings. */
const RESULTS: Renames = {
  steps: 'updates',
  heldOutLoss: 'validationLoss',
  heldOutBitsPerCharacter: 'validationBitsPerCharacter',
};

/** Settings of an optimizer. */
const OPTIMIZER: Renames = { rate: 'learningRate', rateDecay: 'learningRateDecay' };

/** What a training has observed. */
const OBSERVED: Renames = { stopping: 'earlyStopping' };

const renamed = (value: JsonObject, names: Renames): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([key, part]) => [Object.hasOwn(names, key) ? names[key] : key, part]));

/** An optimizer's spec, in which parameter groups contain others. Anything else stays as it is, and so does absurd nesting. */
function optimizerSpec(spec: unknown, depth = 0): unknown {
  if (!isObject(spec) || depth > 100) return spec;
  const { groups, rest, ...settings } = spec;
  const groupOf = (group: unknown): unknown =>
    isObject(group) ? { ...group, optimizer: optimizerSpec(group.optimizer, depth + 1) } : group;
  return {
    ...renamed(settings, OPTIMIZER),
    ...(groups === undefined ? {} : { groups: Array.isArray(groups) ? groups.map(groupOf) : groups }),
    ...(rest === undefined ? {} : { rest: optimizerSpec(rest, depth + 1) }),
  };
}

/** Settings of an initializer. */
const INITIALIZER: Renames = { deviation: 'std' };

/** A layer's `init`: one initializer, or one for each kind of weights. */
function initializers(init: unknown): unknown {
  if (!isObject(init)) return init;
  if ('kind' in init) return renamed(init, INITIALIZER);
  const parts = Object.entries(init).map(([name, part]) => [name, isObject(part) ? renamed(part, INITIALIZER) : part]);
  return Object.fromEntries(parts);
}

const layerFromVersion1 = (layer: unknown): unknown =>
  isObject(layer) && 'init' in layer ? { ...layer, init: initializers(layer.init) } : layer;

/** The spec with today's names, unchecked. */
export function specFromVersion1(spec: unknown): unknown {
  if (!isObject(spec) || !Array.isArray(spec.layers)) return spec;
  return { ...spec, layers: spec.layers.map(layerFromVersion1) };
}

/** The metadata with today's names. Metadata that `unspool train` did not write stays as it is. */
export function metadataFromVersion1(metadata: JsonObject): JsonObject {
  const { settings, textSha256 } = metadata;
  if (!isObject(settings) || typeof textSha256 !== 'string') return metadata;
  const { optimizer, lstm } = settings;
  const specs = {
    ...(optimizer === undefined ? {} : { optimizer: optimizerSpec(optimizer) }),
    ...(lstm === undefined ? {} : { lstm: layerFromVersion1(lstm) }),
  };
  return { ...renamed(metadata, RESULTS), settings: { ...renamed(settings, SETTINGS), ...specs } };
}

/** The training state with today's names, unchecked. */
export function trainingFromVersion1(training: JsonObject): JsonObject {
  const { step, memory = {}, ...rest } = training;
  if (!isObject(memory)) return { ...rest, update: step, observed: memory, due: null };
  const { due = [], ...observed } = memory;
  return {
    ...rest,
    update: step,
    observed: renamed(observed, OBSERVED),
    due: Array.isArray(due) ? (due[0] ?? null) : due, // version 1 kept a list of at most one epoch
  };
}
