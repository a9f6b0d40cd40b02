/**
 * Sums over all elements, in stages: a kernel writes as many numbers as it has threads. Losses and updates use them.
 */
import type { Matrix } from '../../../contract/kernels.js';
import { asColumn, rowsOf, sizeOf } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, pieceOf, type Value } from '../record/values.js';
import { partialSums } from '../shaders/sums.js';
import { SUM_PER_THREAD } from '../thresholds.js';

/** The sum of the first `size` elements of the piece, (1,1). */
export const sumOf = (rec: Recorder, piece: Piece, size: number): Piece =>
  pieceOf(reduce(rec, piece, size, { squares: false, root: false }));

/** The Euclidean norm of a matrix, (1,1). */
export function normOf(rec: Recorder, m: Matrix): Value {
  const size = sizeOf(m);
  const blocks = rec.blocks(size, 1);
  if (blocks.length === 1) return reduce(rec, rec.read(m), size, { squares: true, root: true });
  const parts = blocks.map(([from, to]) => {
    const part = rec.read(rowsOf(asColumn(m), from, to));
    return { ...pieceOf(reduce(rec, part, to - from, { squares: true, root: false })), size: 1 };
  });
  const sums = pieceOf(rec.concatenate(parts, parts.length));
  return reduce(rec, sums, parts.length, { squares: false, root: true });
}

interface Reduction {
  /** Square the numbers first. */
  readonly squares: boolean;
  /** Take the square root of the sum. */
  readonly root: boolean;
}

function reduce(rec: Recorder, from: Piece, count: number, { squares, root }: Reduction): Value {
  const threads = Math.ceil(count / SUM_PER_THREAD);
  const isLast = threads === 1;
  const value = rec.call(partialSums(count, threads), [from], [Number(squares), Number(isLast && root)]);
  return isLast ? value : reduce(rec, pieceOf(value), threads, { squares: false, root });
}
