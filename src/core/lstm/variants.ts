/**
 * The code that only some layers, LSTM variants and sequences of unequal lengths need. It is loaded with `import()`, so that a
 * page with plain LSTMs does not download it.
 */
import { ActivityTape } from '../layers/activity.js';
import { DropoutTape } from '../layers/dropout.js';
import type { LstmVariants } from '../layers/layer.js';
import { RepeatTape } from '../layers/repeat.js';
import { SequenceLengths } from '../sequence-lengths.js';
import { BidirectionalTape } from './bidirectional.js';
import { stagedProgram } from './staged.js';

type LstmMaker = ConstructorParameters<typeof BidirectionalTape>[2];

export const lstmVariants: LstmVariants = {
  layers: { dropout: DropoutTape, repeat: RepeatTape, activity: ActivityTape },
  program: stagedProgram,
  bidirectional: (context, input, make) => new BidirectionalTape(context, input, make as LstmMaker),
  sequenceLengths: (k, shape) => new SequenceLengths(k, shape),
};
