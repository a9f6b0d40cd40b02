/** The cell states of a model while it reads a long sequence. */
import { requireList, requireTokens, requireValues } from '../checks.js';
import type { Model } from '../core/model.js';
import type { Prediction } from '../core/prediction.js';
import { requireModel } from '../core/require-model.js';
import type { FinalState } from '../core/start-state.js';
import type { Tape } from '../core/tape.js';
import { invalidData } from '../errors.js';
import { downloadAll, type Grid, grid } from './grid.js';
import { range, traceName } from './lstm-forward.js';

/** Steps on a tape: the tape of a whole novel would not fit in memory. */
const PIECE = 512;

/**
 * Reads one long sequence and returns the cell state c of every LSTM at every step, [T, units], by the name of the LSTM as in
 * `trace`. The sequence is read in pieces of 512 steps that continue each other, so it may be much longer than that of a `trace`;
 * a model whose state cannot be carried reads it as a whole. Throws `INVALID_DATA` for inputs that `model.predict` rejects.
 *
 * @param inputs tokens [T], or values [T, inputSize].
 */
export async function cellStates(model: Model, inputs: ArrayLike<number>): Promise<Record<string, Grid>> {
  requireModel(model);
  const { layers } = model.spec;
  const width = requireInputs(model, inputs);
  const steps = inputs.length / width;
  const isCarried = layers.every(
    (layer) => layer.kind !== 'lstm' || ((layer.direction ?? 'forward') === 'forward' && !layer.cell?.gateRecurrence),
  );
  const piece = isCarried ? PIECE : steps;
  const given = Array.prototype.slice.call(inputs) as number[]; // a copy, because the caller may change it during the awaits
  const all: Record<string, Grid> = {};
  let from: readonly FinalState[] | null = null;
  for (let at = 0; at < steps; at += piece) {
    const read: Prediction & { readonly tape: Tape } = await model.predict(
      given.slice(at * width, (at + piece) * width),
      { from, tape: true },
    );
    try {
      for (const layer of read.tape.lstms) {
        const { data, cols } = await downloadAll(
          model.kernels,
          range(layer.shape.steps).map((t) => layer.steps[t]!.y.c),
        );
        const name = traceName(layer);
        all[name] ??= grid(steps, cols, new (data instanceof Float64Array ? Float64Array : Float32Array)(steps * cols));
        all[name].data.set(data, at * cols);
      }
    } finally {
      read.tape.free();
    }
    from = read.state;
  }
  return all;
}

/** The number of values per step. Throws `INVALID_DATA`. */
function requireInputs({ spec: { layers, inputSize } }: Model, inputs: ArrayLike<number>): number {
  requireList('inputs', inputs);
  const [first] = layers;
  const width = first?.kind === 'embedding' ? 1 : inputSize!;
  if (first?.kind === 'embedding') requireTokens('inputs', inputs, first.size);
  else requireValues('inputs', inputs);
  if (inputs.length > 0 && inputs.length % width === 0) return width;
  throw invalidData('inputs', `must have ${width} numbers for each of at least one step, got ${inputs.length}.`);
}
