/** One sequence out of a batch, as a batch of its own, cut to its own length. */
import { outputToTimeMajor, toTimeMajor } from '../core/layout.js';
import { goesBySequence, type LossChoice } from '../core/losses.js';
import type { Batch } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import { requireInteger } from '../errors.js';

export interface OneSequence {
  readonly steps: number;
  readonly inputs: ArrayLike<number>;
  readonly targets: Int32Array | Float64Array;
  readonly weights: Float64Array | null;
}

/** Steps of the output for `steps` of the input. */
export function outputStepsOf({ layers }: ModelSpec, steps: number): number {
  let now = steps;
  for (const layer of layers) {
    if (layer.kind === 'repeat') now = layer.steps;
    if (layer.kind === 'lstm' && layer.returns === 'last') now = 1;
  }
  return now;
}

/** Steps of the output that sequence `row` of a batch has. */
export function answersOf(spec: ModelSpec, { steps, lengths }: Batch, row: number): number {
  const answers = outputStepsOf(spec, steps);
  return answers === steps && spec.layers.every((l) => l.kind !== 'repeat') ? (lengths?.[row] ?? steps) : answers;
}

/** Weights by which one step of the output counts alone, in the batch's own order. */
export function onlyStep(spec: ModelSpec, { steps, batchSize, batchFirst }: Batch, step: number): Float64Array {
  const answers = outputStepsOf(spec, steps);
  requireInteger('step', step, 0, answers - 1);
  const weights = new Float64Array(answers * batchSize);
  for (let n = 0; n < batchSize; n++) weights[batchFirst ? n * answers + step : step * batchSize + n] = 1;
  return weights;
}

/** Row `row` of each of `steps` blocks of `batchSize`, up to step `end`. */
function pick(
  values: ArrayLike<number>,
  steps: number,
  batchSize: number,
  row: number,
  end: number,
): Int32Array | Float64Array {
  const width = values.length / steps / batchSize;
  const out = new (values instanceof Int32Array ? Int32Array : Float64Array)(end * width);
  for (let t = 0; t < end; t++) {
    for (let c = 0; c < width; c++) out[t * width + c] = values[(t * batchSize + row) * width + c]!;
  }
  return out;
}

/** Throws `INVALID_SETTING` for a row that the batch does not have. */
export function oneSequence(spec: ModelSpec, batch: Batch, row: number, loss: LossChoice): OneSequence {
  const { steps, batchSize, batchFirst } = batch;
  requireInteger('row', row, 0, batchSize - 1);
  const length = batch.lengths?.[row] ?? steps;
  const answers = outputStepsOf(spec, steps);
  const end = answersOf(spec, batch, row);
  const inputs = batchFirst ? toTimeMajor(batch.inputs, steps, batchSize) : batch.inputs;
  const answered = (values: ArrayLike<number>) =>
    pick(batchFirst ? outputToTimeMajor(values, answers, batchSize) : values, answers, batchSize, row, end);
  return {
    steps: length,
    inputs: pick(inputs, steps, batchSize, row, length),
    targets: goesBySequence(loss) ? pick(batch.targets, 1, batchSize, row, 1) : answered(batch.targets),
    weights: batch.weights ? Float64Array.from(answered(batch.weights)) : null,
  };
}
