/**
 * The code that only LSTM variants and sequences of unequal lengths need. It is loaded with `import()`, so that a page with
 * plain LSTMs does not download it.
 */
import { SequenceLengths } from '../sequence-lengths.js';
import type { LstmVariants } from './program.js';
import { stagedProgram } from './staged.js';

export const lstmVariants: LstmVariants = {
  program: stagedProgram,
  sequenceLengths: (k, shape) => new SequenceLengths(k, shape),
};
