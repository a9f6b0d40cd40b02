/** A product that has been recorded and not run, and that the kernel that reads it can compute itself. */
import type { Piece } from '../record/values.js';

/** c (N,C) + A (N,K) B (K,C). */
export interface PendingSum {
  readonly K: number;
  readonly factors: readonly Piece[];
  readonly old: Piece;
}

/** The sum that will compute a piece of `size` numbers, if the piece is all of it and no other call reads it. */
export function pendingSum({ value }: Piece, size: number): PendingSum | null {
  const { call, refCount } = value;
  if (!call?.program.isSum || call.closed || refCount > 1 || value.size !== size) return null;
  const [left, right, old] = call.inputs as [Piece, Piece, Piece];
  return { K: call.program.sizes!.deep!, factors: [left, right], old };
}
