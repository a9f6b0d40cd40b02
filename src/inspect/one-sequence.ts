/** Extracts one sequence from a batch, without padding. */

import { requireInteger, requireTokens, requireValues } from '../checks.js';
import { requireBatch } from '../core/batch.js';
import { requireLabels } from '../core/ctc-tape.js';
import { placeIn, type RowOrder, rowAt, toTimeMajor } from '../core/layout.js';
import { goesBySequence, type LossChoice, requireLoss } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import { requireTargets } from '../core/targets.js';

/** One sequence of a batch, time-major. */
export interface OneSequence {
  readonly steps: number;
  readonly inputs: ArrayLike<number>;
  readonly targets: Int32Array | Float64Array;
  readonly weights: Float64Array | null;
}

/** The number of output steps for `steps` input steps. */
export function outputStepsOf({ layers }: ModelSpec, steps: number): number {
  let now = steps;
  for (const layer of layers) {
    if (layer.kind === 'repeat') now = layer.steps;
    if (layer.kind === 'lstm' && layer.returns === 'last') now = 1;
  }
  return now;
}

/** The number of output steps of sequence `row` of a batch. */
export function outputLengthOf(spec: ModelSpec, { steps, lengths }: Batch, row: number): number {
  const outputSteps = outputStepsOf(spec, steps);
  return outputSteps === steps && spec.layers.every((l) => l.kind !== 'repeat')
    ? (lengths?.[row] ?? steps)
    : outputSteps;
}

/** Weights that are 1 at one output step and 0 elsewhere, in the layout of the batch. Throws `INVALID_SETTING`. */
export function singleStepWeights(
  spec: ModelSpec,
  { steps, batchSize, batchFirst }: Batch,
  step: number,
): Float64Array {
  const outputSteps = outputStepsOf(spec, steps);
  requireInteger('step', step, 0, outputSteps - 1);
  const weights = new Float64Array(outputSteps * batchSize);
  for (let n = 0; n < batchSize; n++) weights[batchFirst ? n * outputSteps + step : step * batchSize + n] = 1;
  return weights;
}

/** The values of sequence `row` at steps 0 to `end` - 1 of time-major `values`. */
function pick(
  values: ArrayLike<number>,
  { steps, batchSize }: { readonly steps: number; readonly batchSize: number },
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

/** Checks the numbers of sequence `row`, at their places in the batch. Others may be padding. */
function requireRow(model: Model, batch: Batch, row: number, loss: LossChoice): void {
  const { spec, outputSize: width } = model;
  const { steps, batchSize, batchFirst, inputs, targets, weights } = batch;
  const [length, end] = [batch.lengths?.[row] ?? steps, outputLengthOf(spec, batch, row)];
  const other = (order: RowOrder, each: number, until: number) => (i: number) => {
    const at = rowAt(order, each, i);
    return at % batchSize !== row || Math.floor(at / batchSize) >= until;
  };
  const order = { steps, batchSize, batchFirst };
  const [first] = spec.layers;
  const each = first?.kind === 'embedding' ? 1 : spec.inputSize!;
  const rules = { place: placeIn('inputs', order, each), unread: other(order, each, length) };
  if (first?.kind === 'embedding') requireTokens('inputs', inputs, first.size, rules);
  else requireValues('inputs', inputs, rules);
  const out = { ...order, steps: outputStepsOf(spec, steps) };
  const perRow = targets.length / out.steps / batchSize;
  const past = other(out, perRow, end);
  const unread = goesBySequence(loss) ? undefined : (i: number) => past(i) || weights?.[Math.floor(i / perRow)] === 0;
  const lossSpec = requireLoss(loss);
  if (lossSpec.kind === 'ctc') requireLabels(lossSpec, targets, { ...out, width });
  else requireTargets(lossSpec, targets, { ...out, width }, unread);
  if (weights) {
    requireValues('weights', weights, { place: placeIn('weights', out, 1), unread: other(out, 1, end), min: 0 });
  }
}

/** Extracts sequence `row` of a batch. Throws `INVALID_SETTING` if the batch has fewer rows, and for a batch that does not fit. */
export function oneSequence(model: Model, batch: Batch, row: number, loss: LossChoice): OneSequence {
  const { spec } = model;
  requireBatch(model, batch, loss);
  const { steps, batchSize, batchFirst } = batch;
  requireInteger('row', row, 0, batchSize - 1);
  requireRow(model, batch, row, loss);
  const length = batch.lengths?.[row] ?? steps;
  const outputSteps = outputStepsOf(spec, steps);
  const end = outputLengthOf(spec, batch, row);
  const inputs = toTimeMajor(batch.inputs, batch);
  const ofOutput = (values: ArrayLike<number>) =>
    pick(
      toTimeMajor(values, { steps: outputSteps, batchSize, batchFirst }),
      { steps: outputSteps, batchSize },
      row,
      end,
    );
  return {
    steps: length,
    inputs: pick(inputs, batch, row, length),
    targets: goesBySequence(loss) ? pick(batch.targets, { steps: 1, batchSize }, row, 1) : ofOutput(batch.targets),
    weights: batch.weights ? Float64Array.from(ofOutput(batch.weights)) : null,
  };
}
