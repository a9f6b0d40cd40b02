/**
 * What computes every form but the plain one, and sequences of unequal lengths. It is loaded when a spec or a batch asks for
 * it, so that a page whose LSTMs are plain does not carry it.
 */

import type { Kernels } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import type { PassShape } from '../layers/layer.js';
import type { Lengths } from '../ragged.js';
import type { LstmBuffers, Program } from './program.js';

interface Forms {
  program(b: LstmBuffers): Program;
  lengths(k: Kernels, shape: PassShape): Lengths;
}

let forms: Forms | null = null;

/**
 * Loads what LSTMs of other forms than the plain one, and sequences of unequal lengths, are computed by. `createModel` does
 * it for a spec that needs it, and passes over a batch with `lengths` do it themselves; only who lays a tape by hand for
 * lengths over a plain model has to ask for it.
 */
export async function loadForms(): Promise<void> {
  if (forms) return;
  const [{ stagedProgram }, { Lengths }] = await Promise.all([import('./staged.js'), import('../ragged.js')]);
  forms = { program: stagedProgram, lengths: (k, shape) => new Lengths(k, shape) };
}

function loaded(what: string): Forms {
  if (forms) return forms;
  throw invalidSetting(what, 'what it is computed by has not been loaded.', 'Await loadForms() first.');
}

/** Throws `INVALID_SETTING` where it has not been loaded, as does the next one. */
export const formProgram = (b: LstmBuffers): Program => loaded(b.name).program(b);

export const formLengths = (k: Kernels, shape: PassShape): Lengths => loaded('lengths').lengths(k, shape);
