/** Some rows of a batch, as a batch. */
import type { Batch } from '../core/batch.js';
import { outputStepsOf } from '../core/layers/sizes.js';
import { goesBySequence, type LossChoice } from '../core/losses.js';
import type { ModelSpec } from '../core/spec.js';
import { UnspoolError } from '../errors.js';
import { emptyLike } from './communicator.js';

/** How an array of a batch is laid out: `steps` times `batchSize` rows of equally many numbers. */
interface Layout {
  readonly steps: number;
  readonly batchSize: number;
  readonly batchFirst?: boolean | undefined;
}

/** A slice of any list; of a typed array without a copy. */
const slice = (list: ArrayLike<number>, from: number, to: number): ArrayLike<number> =>
  ArrayBuffer.isView(list) ? (list as Float32Array).subarray(from, to) : Array.prototype.slice.call(list, from, to);

/** An empty list of the same type. */
const like = (list: ArrayLike<number>, length: number): number[] =>
  ArrayBuffer.isView(list)
    ? (emptyLike(list as Float32Array, length) as unknown as number[])
    : new Array<number>(length);

/** The numbers of sequences `from` to `to`, in the same order. */
function rowsOf(list: ArrayLike<number>, { steps, batchSize, batchFirst }: Layout, from: number, to: number) {
  const width = list.length / steps / batchSize;
  if (batchFirst || steps === 1) {
    const each = batchFirst ? steps * width : width;
    return slice(list, from * each, to * each);
  }
  const each = (to - from) * width;
  const out = like(list, steps * each);
  for (let t = 0; t < steps; t++) {
    const start = (t * batchSize + from) * width;
    for (let i = 0; i < each; i++) out[t * each + i] = list[start + i]!;
  }
  return out;
}

/** Sequences `from` to `to` of a batch whose counts have been checked. */
export function sequencesOf(batch: Batch, spec: ModelSpec, loss: LossChoice, from: number, to: number): Batch {
  const { steps, batchSize, inputs, targets, weights, lengths, batchFirst } = batch;
  if (from === 0 && to === batchSize) return batch;
  const output = { steps: outputStepsOf(spec.layers, steps), batchSize, batchFirst };
  const order = goesBySequence(loss) ? { steps: 1, batchSize } : output;
  return {
    steps,
    batchSize: to - from,
    inputs: rowsOf(inputs, { steps, batchSize, batchFirst }, from, to),
    targets: rowsOf(targets, order, from, to),
    ...(weights && { weights: rowsOf(weights, output, from, to) }),
    ...(lengths && { lengths: slice(lengths, from, to) }),
    ...(batchFirst !== undefined && { batchFirst }),
  };
}

/** An error about data of some sequences of a batch, with their numbers. */
export function inRows(error: unknown, from: number, to: number): unknown {
  if (!(error instanceof UnspoolError) || error.problem.code !== 'INVALID_DATA') return error;
  const { problem } = error;
  const rows = to - from === 1 ? `sequence ${from}` : `sequences ${from} to ${to - 1}`;
  return new UnspoolError({ ...problem, what: `${problem.what} of the part with ${rows}` });
}
