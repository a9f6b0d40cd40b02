/** A batch: what it holds, checks of its counts, and how much it counts among others. */
import { requireInteger, requireKeys, requireList, requireOptional, requireValues } from '../checks.js';
import { crossEntropyDivisor } from '../contract/kernels.js';
import { UnspoolError } from '../errors.js';
import { snapshot } from './copies.js';
import { outputStepsOf } from './layers/sizes.js';
import { placeIn, type RowOrder, requireLengths, requireRowCount, rowAt } from './layout.js';
import { type LossChoice, type LossSpec, requireLoss } from './losses.js';
import type { ModelSpec } from './spec.js';
import { requireTargetCount } from './targets.js';

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
export interface WeighedRows {
  readonly batchSize: number;
  /** Rows of the output. */
  readonly rows: number;
  readonly targets: ArrayLike<number>;
  /** Null: 1 each. */
  readonly weights: ArrayLike<number> | null;
}

/** The weight of a batch's mean loss in the mean over several batches: the divisor of its sum. */
export function lossWeight(spec: LossSpec, { batchSize, rows, targets, weights }: WeighedRows): number {
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

/** The keys of a batch. */
export const BATCH_KEYS = ['steps', 'batchSize', 'inputs', 'targets', 'weights', 'lengths', 'batchFirst'] as const;

/** A model's spec and the width of its output. */
type Widths = { readonly spec: ModelSpec; readonly outputSize: number };

/** Throws unless `inputs` is an array with the numbers of a whole pass. */
export function requireInputCount(inputs: unknown, order: RowOrder, width: number | null): void {
  requireList('inputs', inputs);
  const { steps, batchSize, batchFirst } = order;
  if (inputs.length === steps * batchSize * (width ?? 1)) return;
  const shape = batchFirst ? [batchSize, steps] : [steps, batchSize];
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op: 'forward',
    tensor: 'inputs',
    expected: width === null ? shape : [...shape, width],
    actual: [inputs.length],
    help: batchFirst
      ? 'Pass the numbers sequence by sequence.'
      : 'Pass the numbers time-major: all rows of step 0 first.',
  });
}

/** Checks the keys and counts of a batch, which needs no memory. The passes check the numbers. */
export function requireBatch({ spec, outputSize }: Widths, batch: unknown, loss: LossChoice): asserts batch is Batch {
  requireKeys('batch', batch, BATCH_KEYS);
  const { steps, batchSize, inputs, targets, weights, lengths, batchFirst } = batch as Batch;
  requireInteger('steps', steps, 1, 1 << 24);
  requireInteger('batchSize', batchSize, 1, 1 << 24);
  requireOptional('batchFirst', batchFirst, 'boolean');
  const [first] = spec.layers;
  const order = { steps, batchSize, batchFirst };
  requireInputCount(inputs, order, first?.kind === 'embedding' ? null : spec.inputSize!);
  if (lengths !== undefined) requireLengths(lengths, order);
  const rows = { steps: outputStepsOf(spec.layers, steps), batchSize, batchFirst, width: outputSize };
  requireTargetCount(requireLoss(loss), targets, rows);
  if (weights !== undefined) requireRowCount('weights', weights, rows);
}

/** A copy of a batch, or of parts of one, with its arrays. Keys that a batch does not have stay, to be reported. */
export const copyOf = <B extends Partial<Batch>>(batch: B): B => ({
  ...batch,
  ...Object.fromEntries(BATCH_KEYS.filter((key) => key in batch).map((key) => [key, snapshot(batch[key], 1)])),
});

/** Whether the output has the steps of the input, so that the same lengths apply. */
const hasOutputPerStep = ({ layers }: ModelSpec): boolean =>
  layers.every((layer) => layer.kind !== 'repeat' && !(layer.kind === 'lstm' && layer.returns === 'last'));

/** The weights of the output's rows, in the batch's own order, with 0 past the end of a sequence; null: 1 each. */
export function countedWeights(spec: ModelSpec, batch: Batch): ArrayLike<number> | null {
  const { batchSize, lengths, weights = null, batchFirst } = batch;
  const order = { steps: outputStepsOf(spec.layers, batch.steps), batchSize, batchFirst };
  const isPast = (i: number): boolean => {
    const row = rowAt(order, 1, i);
    return Math.floor(row / batchSize) >= lengths![row % batchSize]!;
  };
  const unread = lengths && hasOutputPerStep(spec) ? isPast : undefined;
  if (weights) requireValues('weights', weights, { place: placeIn('weights', order, 1), unread, min: 0 });
  if (!unread) return weights;
  return Float64Array.from({ length: order.steps * batchSize }, (_, i) => (unread(i) ? 0 : (weights?.[i] ?? 1)));
}

/** The weight of a batch in the mean loss over several batches, which may differ in size, weights and lengths. */
export function batchWeight(spec: ModelSpec, batch: Batch, loss: LossChoice): number {
  const { steps, batchSize, targets } = batch;
  const rows = batchSize * outputStepsOf(spec.layers, steps);
  return lossWeight(requireLoss(loss), { batchSize, rows, targets, weights: countedWeights(spec, batch) });
}
