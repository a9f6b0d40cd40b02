/**
 * What decides the rest of a training, as JSON by name. A checkpoint contains it, and a training that is resumed compares it.
 *
 * Not included, because they may change on purpose: `epochs` and `maxUpdates` (a schedule then spans the new number of
 * updates), `validateEvery` and `signal`.
 */

import type { Kernels } from '../contract/kernels.js';
import type { Model } from '../core/model.js';
import { restoreRng } from '../core/rng.js';
import type { BatchSource } from '../data/source.js';
import { specOf } from '../optim/schedule.js';
import { arenasOf, batchesIn, observedBy } from './checkpoint.js';
import type { UpdateContext } from './context.js';
import { batchHash, IDENTIFYING_BATCHES } from './hash.js';
import {
  type ReadyOptions,
  type TrainingData,
  type TrainingSettings,
  type TrainingState,
  watcherIn,
} from './options.js';
import { firstProgress } from './progress.js';
import { otherTraining } from './restore.js';

const nameOr = (named: unknown, other: string): unknown => (named === null || named === undefined ? other : named);

/** The settings of a training, except what batches and weights decide. */
export function settingsOf(
  model: Pick<Model, 'spec'> & { readonly kernels: Pick<Kernels, 'precision'> },
  data: TrainingData,
  options: ReadyOptions,
  seed: number,
): TrainingSettings {
  const { optimizer, loss, schedule, gradient, clipNorm, clipValue, gradientNoise, average, earlyStopping } = options;
  const { seed: _, ...spec } = model.spec;
  const watched = watcherIn(options) === null ? null : (data.validation?.length ?? null);
  return plain({
    model: spec,
    precision: model.kernels.precision,
    optimizer: optimizer.spec,
    loss: loss ?? 'by the targets',
    schedule: schedule ? nameOr(specOf(schedule), 'custom') : 'constant',
    gradient: gradient ? nameOr(gradient.method, 'custom') : 'bptt',
    clipNorm: clipNorm ?? null,
    clipValue: clipValue ?? null,
    gradientNoise: gradientNoise ?? null,
    average: average ?? null,
    earlyStopping: earlyStopping ?? null,
    seed,
    'train.stateful': data.train.stateful,
    'train.length': Number.isFinite(data.train.length) ? data.train.length : 'endless',
    'validation.length': watched,
    'validation.batches': watched === null ? null : firstHashes(data.validation!),
  });
}

/** Numbers that identify the first batches of a source. */
const firstHashes = (source: BatchSource): number[] =>
  Array.from({ length: Math.min(IDENTIFYING_BATCHES, source.length) }, (_, i) => batchHash(source.batch(i)));

/** As JSON has it: after a file, too, it is the same. */
const plain = (settings: object): TrainingSettings => JSON.parse(JSON.stringify(settings)) as TrainingSettings;

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  const sorted = (_: string, part: unknown): unknown =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part;
  try {
    return JSON.stringify(value, sorted) ?? 'undefined';
  } catch {
    return 'not JSON'; // nested too deeply: settings of a checkpoint that a program changed
  }
}

/** Throws `INVALID_DATA` that names each of `now` that the checkpoint has with another value. */
export function requireSameSettings(saved: TrainingSettings, now: TrainingSettings): void {
  const differences = Object.entries(now)
    .filter(([name, value]) => saved[name] !== undefined && canonical(saved[name]) !== canonical(value))
    .map(([name, value]) => difference(name, saved[name], value));
  if (differences.length > 0) throw otherTraining(`it is from another training: ${differences.join('; ')}.`);
}

function difference(name: string, was: unknown, is: unknown): string {
  if (name !== 'validation.batches' || !Array.isArray(was) || !Array.isArray(is))
    return `${name} was ${brief(was)} and is ${brief(is)}`;
  return `batch ${is.findIndex((hash, i) => hash !== was[i])} of validation has other numbers or another shape`;
}

function brief(value: unknown): string {
  const text = canonical(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/** Throws `INVALID_DATA` unless the first batches of the data are those that the checkpoint has been trained on. */
export function requireSameBatches(saved: TrainingState, { train }: TrainingData): void {
  const batches = batchesIn(saved);
  const { seed } = saved.settings ?? {};
  if (batches.length === 0 || typeof seed !== 'number') return;
  const source = train.shuffled?.(restoreRng(firstProgress(seed).rng)) ?? train;
  batches.slice(0, IDENTIFYING_BATCHES).forEach((hash, i) => {
    if (i >= source.length || batchHash(source.batch(i)) === hash) return;
    throw otherTraining(`it is from another training: batch ${i} of train has other numbers or another shape.`);
  });
}

/** Lets the gradient function know what the updates start from. */
export function beginGradient(
  { model, buffers, options, seed }: UpdateContext,
  data: TrainingData,
  update: number,
): void {
  const { validation } = data;
  options.gradient!.begin!({
    update,
    settings: {
      ...settingsOf(model, data, options, seed),
      'validation.length': validation?.length ?? null,
      'validation.stateful': validation?.stateful ?? null,
      validateEvery: options.validateEvery ?? null,
    },
    observed: observedBy(buffers, options),
    arenas: [model.parameters, ...arenasOf(buffers).values()],
  });
}
