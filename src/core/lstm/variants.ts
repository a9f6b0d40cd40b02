/**
 * The code that only LSTM variants and sequences of unequal lengths need. It is loaded with `import()`, so that a page with
 * plain LSTMs does not download it.
 */
import type { LstmVariants } from '../layers/layer.js';
import { SequenceLengths } from '../sequence-lengths.js';
import { BidirectionalTape } from './bidirectional.js';
import { stagedProgram } from './staged.js';

type LstmMaker = ConstructorParameters<typeof BidirectionalTape>[2];

export const lstmVariants: LstmVariants = {
  program: stagedProgram,
  bidirectional: (context, input, make) => new BidirectionalTape(context, input, make as LstmMaker),
  sequenceLengths: (k, shape) => new SequenceLengths(k, shape),
};
