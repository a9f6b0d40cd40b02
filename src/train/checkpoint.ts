/** The state of a training as plain numbers: what a checkpoint contains. */

import { isMap, isObject, shown } from '../checks.js';
import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import { invalidData, invalidSetting } from '../errors.js';
import { jsonCopy } from '../optim/optimizer.js';
import type { Resumable } from '../optim/schedule.js';
import type { TrainingBuffers } from './context.js';
import type { ReadyOptions, TrainingState } from './options.js';
import { isProgress, progressOf } from './progress.js';

/** The arenas that a checkpoint contains, by name. */
export function arenasOf({ optimizer, average, earlyStopping }: TrainingBuffers): Map<string, Arena> {
  const arenas = new Map(optimizer.state);
  if (average) arenas.set('average', average.weights);
  if (earlyStopping?.best) arenas.set('best', earlyStopping.best);
  return arenas;
}

/** Copies of all optimizer state and averages. */
export async function downloadArenas(kernels: Kernels, buffers: TrainingBuffers): Promise<Map<string, FloatArray>> {
  const copies = new Map<string, FloatArray>();
  for (const [name, arena] of arenasOf(buffers)) copies.set(name, await kernels.download(arena.read()));
  return copies;
}

export type Observers = Partial<Record<keyof TrainingState['observed'], Partial<Resumable> | null>>;

/** Everything that remembers what it has observed. */
export function observersOf(
  { average, earlyStopping }: TrainingBuffers,
  { schedule, gradient }: ReadyOptions,
): Observers {
  const watching = typeof schedule === 'object' ? schedule : null;
  return { schedule: watching, gradient: gradient ?? null, average, earlyStopping };
}

const isNumbers = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isFinite);

/** What the schedule, the gradient estimator, the average and early stopping have observed. */
export function observedBy(buffers: TrainingBuffers, options: ReadyOptions): TrainingState['observed'] {
  const observed: Record<string, readonly number[]> = {};
  for (const [name, observer] of Object.entries(observersOf(buffers, options))) {
    const numbers = observer?.observed;
    if (numbers === undefined) continue;
    if (!isNumbers(numbers)) {
      throw invalidSetting(`${name}.observed`, `must be a list of finite numbers, got ${shown(numbers)}.`);
    }
    if (numbers.length > 0) observed[name] = [...numbers];
  }
  return observed;
}

/** A copy that later changes do not reach. Throws `INVALID_DATA` unless it is the state of a training. */
export function copyOfState(state: TrainingState): TrainingState {
  const isState =
    isObject(state) &&
    isProgress(state) &&
    isMap(state.optimizer) &&
    isObject(state.observed) &&
    Object.values(state.observed).every(isNumbers) &&
    [...state.optimizer.values()].every(isList) &&
    (state.carried === null || (Array.isArray(state.carried) && state.carried.every(isLayerState))) &&
    (state.settings === undefined || isObject(state.settings));
  if (!isState) throw invalidData('checkpoint', `must be what checkpoint() returns, got ${shown(state)}.`);
  const { optimizer, carried, observed, settings } = state;
  return {
    ...progressOf(state), // by name: an object may inherit them
    observed: { ...observed },
    ...(settings === undefined ? {} : { settings: jsonCopy('checkpoint.settings', settings) }),
    optimizer: new Map([...optimizer].map(([name, values]) => [name, values.slice()])),
    carried: carried?.map(({ h, c }) => ({ h: h.slice(), c: c.slice() })) ?? null,
  };
}

const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

const isLayerState = (state: unknown): boolean => isObject(state) && isList(state.h) && isList(state.c);

/** The batches that identify the data of a checkpoint; empty if it has none. */
export function batchesIn({ settings }: TrainingState): readonly number[] {
  const batches = settings?.['train.batches'];
  return Array.isArray(batches) ? (batches as number[]) : [];
}
