/** The state of a training as plain numbers: what a checkpoint contains, and how a training continues from it. */

import { isObject, shown } from '../checks.js';
import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Tape } from '../core/tape.js';
import { invalidData, invalidSetting, type UnspoolError } from '../errors.js';
import type { Resumable } from '../optim/schedule.js';
import type { TrainingBuffers } from './buffers.js';
import type { ReadyOptions, TrainingState } from './options.js';
import { isProgress } from './progress.js';

/** The arenas that a checkpoint contains, by name. */
function arenasOf({ optimizer, average, earlyStopping }: TrainingBuffers): Map<string, Arena> {
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

type Observers = Partial<Record<keyof TrainingState['observed'], Partial<Resumable> | null>>;

/** Everything that remembers what it has observed. */
function observersOf({ average, earlyStopping }: TrainingBuffers, { schedule, gradient }: ReadyOptions): Observers {
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
  const { optimizer, carried } = state;
  return {
    ...state,
    optimizer: new Map([...optimizer].map(([name, values]) => [name, values.slice()])),
    carried: carried?.map(({ h, c }) => ({ h: h.slice(), c: c.slice() })) ?? null,
  };
}

const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);

const isLayerState = (state: unknown): boolean => isObject(state) && isList(state.h) && isList(state.c);

/** Also for a `Map` of another realm, such as a frame. */
const isMap = (value: unknown): boolean => Object.prototype.toString.call(value) === '[object Map]';

/** Restores all but the carried state. Throws `INVALID_DATA` if the state belongs to another training. */
export function restoreBuffers(
  kernels: Kernels,
  buffers: TrainingBuffers,
  options: ReadyOptions,
  state: TrainingState,
): void {
  for (const [name, arena] of arenasOf(buffers)) {
    kernels.upload(arena.write(), requireSize(state.optimizer.get(name), name, arena.layout.size));
  }
  for (const [name, observer] of Object.entries(observersOf(buffers, options))) {
    const numbers = state.observed[name as keyof Observers];
    if (numbers) observer?.restore?.(numbers);
  }
}

/** Throws `INVALID_DATA` if the state has no such numbers. */
export function requireSize(values: FloatArray | undefined, name: string, size: number): FloatArray {
  if (!values) throw otherTraining(`it has no optimizer state "${name}".`);
  if (values.length === size) return values;
  throw otherTraining(`its optimizer state "${name}" has ${values.length} numbers, not ${size}.`);
}

/** Makes a tape end with the carried state. Throws `INVALID_DATA` if the shapes differ. */
export function restoreCarried(kernels: Kernels, tape: Tape, carried: NonNullable<TrainingState['carried']>): void {
  tape.lstms.forEach((layer, i) => {
    const { h, c } = layer.finalState();
    const values = carried[i];
    if (values?.h.length !== h.rows * h.cols || values.c.length !== c.rows * c.cols) {
      throw otherTraining(`its carried state of layer ${layer.name} is not [${h.rows}, ${h.cols}].`);
    }
    kernels.upload(h, values.h);
    kernels.upload(c, values.c);
  });
}

/** The `INVALID_DATA` for a state that belongs to another training. */
export function otherTraining(problem: string): UnspoolError {
  const help = 'Resume with the model, data and options that it was saved with.';
  return invalidData('checkpoint', problem, help);
}
