/** An LSTM layer of a model, of one direction or two. */
import type { Layer } from '../layers/layer.js';
import { BidirectionalTape } from './bidirectional.js';
import { LstmParameters } from './parameters.js';
import type { LstmSpec } from './spec.js';
import { type LstmMake, LstmTape } from './tape.js';

/** `level` counts the LSTM layers under one name from 0, as PyTorch's `_l0`, `_l1`. */
export function lstmLayer(spec: LstmSpec, prefix: string, level: number, inputSize: number): Layer {
  const name = level === 0 ? prefix : `${prefix}_l${level}`;
  const { direction = 'forward', hiddenSize, projectionSize: R = hiddenSize } = spec;
  const make = (reverse: boolean): LstmMake => {
    const parameters = new LstmParameters(spec, prefix, level, reverse, inputSize);
    return { name, spec, parameters, reverse };
  };
  if (direction !== 'bidirectional') {
    const only = make(direction === 'reverse');
    return {
      name,
      outputSize: R,
      parameters: only.parameters.list,
      tape: (k, { batchSize }, input, withGradients, pass) =>
        new LstmTape(k, only, input, batchSize, withGradients, pass),
    };
  }
  const both = [make(false), make(true)] as const;
  return {
    name,
    outputSize: 2 * R,
    parameters: both.flatMap(({ parameters }) => parameters.list),
    tape: (k, { batchSize }, input, withGradients, pass) =>
      new BidirectionalTape(k, both, input, batchSize, withGradients, pass),
  };
}
