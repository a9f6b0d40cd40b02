/**
 * The code that only some layers, LSTM variants, initializers, sequences of unequal lengths and the CTC loss need. It is loaded
 * with `import()`, so that a page with plain LSTMs does not download it.
 */
import { ctcTape } from './ctc-tape.js';
import { rareInitializers } from './initializers.js';
import { ActivityTape } from './layers/activity.js';
import { DropoutTape } from './layers/dropout.js';
import { RowDropout } from './layers/embedding-dropout.js';
import type { Variants } from './layers/layer.js';
import { RepeatTape } from './layers/repeat.js';
import { BidirectionalTape } from './lstm/bidirectional.js';
import { plainProgram } from './lstm/plain.js';
import { stagedProgram } from './lstm/staged.js';
import { isPlain } from './lstm/variant.js';
import { SequenceLengths } from './sequence-lengths.js';

type LstmMaker = ConstructorParameters<typeof BidirectionalTape>[2];

export const variants: Variants = {
  layers: { dropout: DropoutTape, repeat: RepeatTape, activity: ActivityTape },
  program: (b) => (!b.masks && isPlain(b.spec) ? plainProgram(b) : stagedProgram(b)),
  bidirectional: (context, input, make) => new BidirectionalTape(context, input, make as LstmMaker),
  sequenceLengths: (k, shape) => new SequenceLengths(k, shape),
  initializers: rareInitializers,
  embeddingDropout: (...args) => new RowDropout(...args),
  ctcTape,
};
