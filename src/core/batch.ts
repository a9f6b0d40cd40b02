/** A batch, and how much it counts among others. */
import { crossEntropyDivisor } from '../contract/kernels.js';
import { outputStepsOf } from './layers/registry.js';
import { type LossChoice, type LossSpec, requireLoss } from './losses.js';
import type { ModelSpec } from './spec.js';

/**
 * A mini-batch: N sequences of T time steps. All arrays are time-major: element t*N + n belongs to step t of sequence n.
 */
export interface Batch {
  /** Time steps, T. */
  readonly steps: number;
  /** Sequences, N. */
  readonly batchSize: number;
  /** Token numbers [T, N] for a model with an embedding, else values [T, N, inputSize]. */
  readonly inputs: ArrayLike<number>;
  /** One row per row of the output: class numbers for `crossEntropy`, else values. */
  readonly targets: ArrayLike<number>;
  /** Weight of each row of the output in the loss; 0 masks it. Default: 1 each. */
  readonly weights?: ArrayLike<number>;
  /**
   * Steps of each sequence, 1 to T. Past a sequence's end, inputs are ignored and outputs are 0 and have no gradient; the
   * final state is the one at its end. Default: all sequences have T steps.
   */
  readonly lengths?: ArrayLike<number>;
  /** Inputs, and targets of a model with an output per step, are ordered by sequence, [N, T, ...]. Default false. */
  readonly batchFirst?: boolean;
}

/** What `lossWeight` counts: rows of the output, all in one order. */
export interface CountedRows {
  readonly batchSize: number;
  /** Rows of the output. */
  readonly rows: number;
  readonly targets: ArrayLike<number>;
  /** Null: 1 each. */
  readonly weights: ArrayLike<number> | null;
}

/** The weight of a batch's mean loss in the mean over several batches: the divisor of its sum. */
export function lossWeight(spec: LossSpec, { batchSize, rows, targets, weights }: CountedRows): number {
  if (spec.kind === 'ctc') return batchSize;
  if (spec.kind === 'crossEntropy') {
    return crossEntropyDivisor({ classes: targets, rowWeights: weights }, { ...spec, reduction: 'mean' });
  }
  if (!weights) return rows;
  let sum = 0;
  for (let r = 0; r < rows; r++) sum += weights[r]!;
  return sum;
}

/**
 * What a batch adds to the sum over several batches, which the sum of their `lossWeight` divides. A loss that sums is a sum
 * already. A batch of weight 0 has no mean and adds nothing.
 */
export function lossShare(spec: LossSpec, loss: number, weight: number): number {
  if (weight === 0) return 0;
  return 'reduction' in spec && spec.reduction === 'sum' ? loss : loss * weight;
}

/** Whether the output has the steps of the input, so that the same lengths apply. */
const hasOutputPerStep = ({ layers }: ModelSpec): boolean =>
  layers.every((layer) => layer.kind !== 'repeat' && !(layer.kind === 'lstm' && layer.returns === 'last'));

/** The weights of the output's rows, in the batch's own order, with 0 past the end of a sequence; null: 1 each. */
function countedWeights(spec: ModelSpec, { steps, batchSize, lengths, weights, batchFirst }: Batch) {
  if (!lengths || !hasOutputPerStep(spec)) return weights ?? null;
  return Float64Array.from({ length: steps * batchSize }, (_, r) => {
    const [t, n] = batchFirst ? [r % steps, Math.floor(r / steps)] : [Math.floor(r / batchSize), r % batchSize];
    return t < lengths[n]! ? (weights?.[r] ?? 1) : 0;
  });
}

/** The weight of a batch in the mean loss over several batches, which may differ in size, weights and lengths. */
export function batchWeight(spec: ModelSpec, batch: Batch, loss: LossChoice): number {
  const { steps, batchSize, targets } = batch;
  const rows = batchSize * outputStepsOf(spec.layers, steps);
  return lossWeight(requireLoss(loss), { batchSize, rows, targets, weights: countedWeights(spec, batch) });
}
