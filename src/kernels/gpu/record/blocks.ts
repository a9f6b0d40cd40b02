/** How matrices that are too large for one kernel are split by rows. */
import type { Matrix } from '../../../contract/kernels.js';
import { MIN_SPLIT_SIZE } from '../thresholds.js';
import { rowsOf, sizeOf, type Window } from './allocation.js';

/** A range of rows. */
export type RowRange = readonly [from: number, to: number];

/** The limits of one kernel. */
interface KernelLimits {
  readonly maxElements: number;
  readonly maxArrays: number;
}

/**
 * `count` rows of `width` numbers, in blocks that each fit into one value. A block of over four rows has a multiple of
 * four.
 */
export function rowBlocks({ maxElements }: KernelLimits, count: number, width: number): RowRange[] {
  const fit = Math.max(1, Math.floor(maxElements / width));
  const max = fit > 4 ? fit - (fit % 4) : fit;
  const all: RowRange[] = [];
  for (let from = 0; from < count; from += max) all.push([from, Math.min(count, from + max)]);
  return all;
}

/**
 * The rows of matrices of equal height, in blocks that each also consist of no more pieces than one kernel
 * concatenates. A sum over rows can run block by block, which saves concatenating twice.
 */
export function segmentBlocks(limits: KernelLimits, matrices: readonly Matrix[], width: number): RowRange[] {
  const blocks = rowBlocks(limits, matrices[0]!.rows, width);
  if (matrices.every((m) => sizeOf(m) < MIN_SPLIT_SIZE)) return blocks;
  return blocks.flatMap(([begin, end]) => {
    const cuts = matrices.flatMap((m) => cutsOf(limits, rowsOf(m, begin, end)).map((row) => begin + row));
    const all: RowRange[] = [];
    for (let from = begin; from < end; ) {
      const to = Math.min(end, ...cuts.filter((row) => row > from));
      all.push([from, to]);
      from = to;
    }
    return all;
  });
}

/** The rows of a window before which its pieces become too many for one kernel. */
function cutsOf({ maxArrays }: KernelLimits, m: Window): number[] {
  const { base, offset, cols } = m;
  const cuts: number[] = [];
  let [at, since] = [0, 0];
  for (const { size } of base.pieces(offset, offset + sizeOf(m))) {
    if (since === maxArrays && at % cols === 0) {
      cuts.push(at / cols);
      since = 0;
    }
    at += size;
    since++;
  }
  return cuts;
}
