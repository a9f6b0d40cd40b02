/** The order of the rows of an array: the engine's is [T, N, ...], and that of a `batchFirst` batch is [N, T, ...]. */
import { type Place, requireList, shown } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { invalidData, UnspoolError } from '../errors.js';
import type { PassShape } from './pass.js';

/** The rows of an array: one for each step of each sequence. */
export interface RowOrder extends PassShape {
  readonly batchFirst?: boolean | undefined;
}

/** The time-major number of the row of number `i` of an array with `width` numbers in each row. */
export function rowAt({ steps, batchSize, batchFirst }: RowOrder, width: number, i: number): number {
  const row = Math.floor(i / width);
  return batchFirst ? (row % steps) * batchSize + Math.floor(row / steps) : row;
}

/** Names numbers of the array `what` with `width` numbers in each row: `inputs[5] (step 2, sequence 1)`. */
export const placeIn =
  (what: string, order: RowOrder, width: number): Place =>
  (i) => {
    const row = rowAt(order, width, i);
    const step = order.steps > 1 ? `step ${Math.floor(row / order.batchSize)}, ` : '';
    const column = width > 1 ? `, column ${i % width}` : '';
    return `${what}[${i}] (${step}sequence ${row % order.batchSize}${column})`;
  };

/** The values in the engine's order. The width of a row is what is left of the count. */
export function toTimeMajor<T extends ArrayLike<number>>(
  values: T,
  { steps, batchSize, batchFirst }: RowOrder,
): T | Float64Array {
  if (!batchFirst || steps === 1) return values;
  const width = values.length / steps / batchSize;
  if (!Number.isInteger(width)) return values; // a wrong count: `forward` reports it
  const keepsType = values instanceof Int32Array || values instanceof Float32Array;
  const out = keepsType ? values.slice() : new Float64Array(values.length);
  for (let n = 0; n < batchSize; n++) {
    for (let t = 0; t < steps; t++) {
      for (let c = 0; c < width; c++) out[(t * batchSize + n) * width + c] = values[(n * steps + t) * width + c]!;
    }
  }
  return out as T | Float64Array;
}

/** [T, N, width] as [N, T, width]: the same exchange with the two counts swapped. */
export const toBatchFirst = (values: FloatArray, steps: number, batchSize: number): FloatArray =>
  toTimeMajor(values, { steps: batchSize, batchSize: steps, batchFirst: true });

/** Throws `SHAPE_MISMATCH` unless `values` is an array with one number for each row. */
export function requireRowCount(tensor: string, values: unknown, order: RowOrder): asserts values is ArrayLike<number> {
  requireList(tensor, values);
  const { steps, batchSize, batchFirst } = order;
  if (values.length === steps * batchSize) return;
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op: 'loss',
    tensor,
    expected: batchFirst ? [batchSize, steps] : [steps, batchSize],
    actual: [values.length],
    help: "Pass one for each row of the output. After `returns: 'last'` each sequence has one row.",
  });
}

/** Throws unless `lengths` has an integer from 1 to T for each sequence. */
export function requireLengths(
  lengths: unknown,
  { steps, batchSize }: PassShape,
): asserts lengths is ArrayLike<number> {
  requireList('lengths', lengths);
  if (lengths.length !== batchSize) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'batch',
      tensor: 'lengths',
      expected: [batchSize],
      actual: [lengths.length],
      help: 'Pass the number of steps of each sequence.',
    });
  }
  for (let n = 0; n < batchSize; n++) {
    const length = lengths[n]!;
    if (Number.isInteger(length) && length >= 1 && length <= steps) continue;
    throw invalidData(
      `lengths[${n}]`,
      `must be an integer from 1 to ${steps}, the steps of the batch, got ${shown(length)}.`,
    );
  }
}
