/** What a checkpoint holds put back into a training's memory, or refused where it is another training's. */
import { UnspoolError } from '../errors.js';
import type { TrainingState } from './fit-options.js';
import type { Kernels } from './kernels.js';
import type { Arena } from './params.js';
import type { Tape } from './tape.js';

function foreign(problem: string): UnspoolError {
  const help = 'Resume with the model, data, batch size and optimizer that it was saved with.';
  return new UnspoolError({ code: 'INVALID_DATA', what: 'checkpoint', problem: `${problem}.`, help });
}

/** Throws `INVALID_DATA` where an arena is missing, or of another size. */
export function restoreArenas(k: Kernels, arenas: ReadonlyMap<string, Arena>, { optimizer }: TrainingState): void {
  for (const [name, arena] of arenas) {
    const values = optimizer.get(name);
    if (!values) throw foreign(`it holds no optimizer state "${name}"`);
    if (values.length !== arena.layout.size) throw foreign(`its optimizer state "${name}" has another size`);
    k.upload(arena.matrix, values);
  }
}

/** The tape as one that ended with the carried state. Throws `INVALID_DATA` where that has another shape. */
export function carriedInto(k: Kernels, tape: Tape, carried: NonNullable<TrainingState['carried']>): Tape {
  tape.lstms.forEach((layer, i) => {
    const { h, c } = layer.finalState();
    const values = carried[i];
    if (values?.h.length !== h.rows * h.cols || values.c.length !== c.rows * c.cols) {
      throw foreign(`its carried state of layer ${layer.name} is not [${h.rows}, ${h.cols}]`);
    }
    k.upload(h, values.h);
    k.upload(c, values.c);
  });
  return tape;
}
