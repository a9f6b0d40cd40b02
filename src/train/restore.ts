/** How a training continues from a state. */
import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Model } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import { invalidData, type UnspoolError } from '../errors.js';
import { arenasOf, type Observers, observersOf } from './checkpoint.js';
import type { TrainingBuffers, UpdateContext } from './context.js';
import { hashOf } from './hash.js';
import type { ReadyOptions, TrainingState } from './options.js';

/**
 * Restores a state, of this training (`isOwn`) or from a checkpoint. Returns a tape from `take` that ends with the carried state;
 * null if the state carries none. Throws `INVALID_DATA` if it belongs to another training.
 */
export async function restoreState(
  { model, kernels, buffers, options }: UpdateContext,
  state: TrainingState,
  isOwn: boolean,
  take: () => Tape,
): Promise<Tape | null> {
  const weights = state.optimizer.get('weights');
  if (weights) kernels.upload(model.parameters.write(), requireSize(weights, 'weights', model.size));
  else if (!isOwn && state.settings?.weights !== undefined) {
    if ((await weightsHash(model, state)) !== state.settings.weights)
      throw otherTraining('the model has other weights than at the checkpoint.');
  }
  restoreBuffers(kernels, buffers, options, state);
  if (!state.carried) return null;
  const tape = take();
  restoreCarried(kernels, tape, state.carried);
  return tape;
}

/** Restores all but the carried state. */
function restoreBuffers(kernels: Kernels, buffers: TrainingBuffers, options: ReadyOptions, state: TrainingState): void {
  for (const [name, arena] of arenasOf(buffers)) {
    kernels.upload(arena.write(), requireSize(state.optimizer.get(name), name, arena.layout.size));
  }
  for (const [name, observer] of Object.entries(observersOf(buffers, options))) {
    const numbers = state.observed[name as keyof Observers];
    if (numbers) observer?.restore?.(numbers);
  }
}

/** Throws `INVALID_DATA` if the state has no such numbers. */
function requireSize(values: FloatArray | undefined, name: string, size: number): FloatArray {
  if (!values) throw otherTraining(`it has no optimizer state "${name}".`);
  if (values.length === size) return values;
  throw otherTraining(`its optimizer state "${name}" has ${values.length} numbers, not ${size}.`);
}

/** Makes a tape end with the carried state. Throws `INVALID_DATA` if the shapes differ. */
function restoreCarried(kernels: Kernels, tape: Tape, carried: NonNullable<TrainingState['carried']>): void {
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

/** A number that identifies the weights in training: those of a model, or in its state if it holds another result. */
export const weightsHash = async ({ kernels, parameters }: Model, { optimizer }: TrainingState): Promise<number> =>
  hashOf(optimizer.get('weights') ?? (await kernels.download(parameters.read())));
