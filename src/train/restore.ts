/** How a training continues from a state. */
import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Tape } from '../core/tape.js';
import { invalidData, type UnspoolError } from '../errors.js';
import { arenasOf, type Observers, observersOf } from './checkpoint.js';
import type { TrainingBuffers } from './context.js';
import type { ReadyOptions, TrainingState } from './options.js';

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
