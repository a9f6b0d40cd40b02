/** The layer kind `lstm`: an LSTM of one direction, or of two. */
import { type LayerKind, requireVariants } from '../layers/layer.js';
import type { BidirectionalTape } from './bidirectional.js';
import { type LstmDefinition, LstmParameters } from './parameters.js';
import type { LstmSpec } from './spec.js';
import { LstmTape } from './tape.js';

export const lstm: LayerKind<LstmSpec, LstmTape | BidirectionalTape> = {
  build(spec, names, inputSize) {
    const prefix = spec.name ?? 'lstm';
    const level = names.level(prefix); // as PyTorch's _l0, _l1
    const name = level === 0 ? prefix : `${prefix}_l${level}`;
    const { direction = 'forward' } = spec;
    const define = (reverse: boolean): LstmDefinition => {
      const parameters = new LstmParameters(spec, prefix, level, reverse, inputSize);
      return { name, spec, parameters, reverse };
    };
    if (direction !== 'bidirectional') {
      const only = define(direction === 'reverse');
      return { name, parameters: only.parameters.list, tape: (context, input) => new LstmTape(context, only, input) };
    }
    const both = [define(false), define(true)] as const;
    return {
      name,
      parameters: both.flatMap(({ parameters }) => parameters.list),
      tape: (context, input) =>
        requireVariants(context.variants, name).bidirectional(
          context,
          input,
          (reverse, to) => new LstmTape(context, both[reverse ? 1 : 0], to),
        ) as BidirectionalTape,
    };
  },
};
