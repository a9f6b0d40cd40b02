/** The state of a training as plain numbers: what a checkpoint contains, and how a training continues from it. */

import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Tape } from '../core/tape.js';
import { invalidData, type UnspoolError } from '../errors.js';
import type { Resumable } from '../optim/schedule.js';
import type { TrainingBuffers } from './buffers.js';
import type { FitOptions, TrainingState } from './options.js';

/** The arenas that a checkpoint contains, by name. `holdsResult`: the model holds the result of the training. */
function arenasOf(buffers: TrainingBuffers, holdsResult: boolean): Map<string, Arena> {
  const { average, earlyStopping, trained } = buffers;
  const arenas = new Map(buffers.optimizer.state);
  if (average) arenas.set('average', average.weights);
  if (earlyStopping?.best) arenas.set('best', earlyStopping.best);
  if (holdsResult && trained && (average?.isUsed || earlyStopping?.best)) arenas.set('weights', trained);
  return arenas;
}

/** Copies of all optimizer state, averages and weights. */
export async function downloadArenas(
  kernels: Kernels,
  buffers: TrainingBuffers,
  holdsResult: boolean,
): Promise<Map<string, FloatArray>> {
  const copies = new Map<string, FloatArray>();
  for (const [name, arena] of arenasOf(buffers, holdsResult)) copies.set(name, await kernels.download(arena.read()));
  return copies;
}

type Observers = Partial<Record<keyof TrainingState['observed'], Partial<Resumable> | null>>;

/** Everything that remembers what it has observed. */
function observersOf({ average, earlyStopping }: TrainingBuffers, { schedule, gradient }: FitOptions): Observers {
  const watching = typeof schedule === 'object' ? schedule : null;
  return { schedule: watching, gradient: gradient ?? null, average, earlyStopping };
}

/** What the schedule, the gradient estimator, the average and early stopping have observed. */
export function observedBy(buffers: TrainingBuffers, options: FitOptions): TrainingState['observed'] {
  const entries = Object.entries(observersOf(buffers, options))
    .map(([name, observer]) => [name, observer?.observed] as const)
    .filter(([, numbers]) => numbers !== undefined && numbers.length > 0);
  return Object.fromEntries(entries);
}

/** Restores all but the carried state. Throws `INVALID_DATA` if the state belongs to another training. */
export function restoreBuffers(
  kernels: Kernels,
  buffers: TrainingBuffers,
  options: FitOptions,
  state: TrainingState,
): void {
  for (const [name, arena] of arenasOf(buffers, false)) {
    const values = state.optimizer.get(name);
    if (!values) throw otherTraining(`it has no optimizer state "${name}"`);
    if (values.length !== arena.layout.size) {
      throw otherTraining(`its optimizer state "${name}" has ${values.length} numbers, not ${arena.layout.size}`);
    }
    kernels.upload(arena.write(), values);
  }
  for (const [name, observer] of Object.entries(observersOf(buffers, options))) {
    const numbers = state.observed[name as keyof Observers];
    if (numbers) observer?.restore?.(numbers);
  }
}

/** Makes a tape end with the carried state. Throws `INVALID_DATA` if the shapes differ. */
export function restoreCarried(kernels: Kernels, tape: Tape, carried: NonNullable<TrainingState['carried']>): void {
  tape.lstms.forEach((layer, i) => {
    const { h, c } = layer.finalState();
    const values = carried[i];
    if (values?.h.length !== h.rows * h.cols || values.c.length !== c.rows * c.cols) {
      throw otherTraining(`its carried state of layer ${layer.name} is not [${h.rows}, ${h.cols}]`);
    }
    kernels.upload(h, values.h);
    kernels.upload(c, values.c);
  });
}

function otherTraining(problem: string): UnspoolError {
  const help = 'Resume with the model, data, batch size and optimizer that it was saved with.';
  return invalidData('checkpoint', `${problem}.`, help);
}
