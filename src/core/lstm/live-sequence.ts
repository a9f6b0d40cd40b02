/**
 * What an LSTM computes for all steps together, over sequences of unequal lengths: the same as for all rows, without those that have
 * ended.
 */
import type { Matrix, PackedMatrix } from '../../contract/kernels.js';
import { gapFor } from '../live-rows.js';
import type { LiveBuffers } from './live-steps.js';

/** Cuts a matrix with a row for each step and sequence to some rows. */
type Cut = (m: Matrix) => Matrix;

/** Calls `act` for each span, or for several at a time if no row between them has ended; for all rows without lengths. */
export function eachSpan({ k, live: steps, shape }: LiveBuffers, act: (cut: Cut) => void): void {
  const live = steps?.rows;
  if (!live) {
    act((m) => m);
    return;
  }
  let from = 0;
  for (let t = 0; t < shape.steps; t++) {
    const end = live.to[t]!;
    if (t + 1 < shape.steps && end === live.from[t + 1]) continue;
    const first = from;
    if (end > first) act((m) => k.view(m, first * m.cols, end - first, m.cols));
    from = live.from[t + 1] ?? 0;
  }
}

/** out (T*N, C) = or += a b in the rows that are live, and some between them. */
export function liveProduct(b: LiveBuffers, out: Matrix, a: Matrix, weights: PackedMatrix, accumulate: boolean): void {
  const { k } = b;
  const live = b.live?.rows;
  if (!live) {
    k.gemmPacked(out, a, weights, accumulate);
    return;
  }
  const { runFrom, runTo } = live;
  const gap = gapFor(weights.rows * weights.cols);
  for (let i = 0; i < runFrom.length; i++) {
    const from = runFrom[i]!;
    i = live.lastJoined(i, runFrom.length, gap);
    const count = runTo[i]! - from;
    const cut = (m: Matrix): Matrix => k.view(m, from * m.cols, count, m.cols);
    k.gemmPacked(cut(out), cut(a), weights, accumulate);
  }
}

/** Whether so few rows of a block have ended that copying the others would cost more than it saves. */
const isDense = (live: number, all: number): boolean => live > 0.875 * all;

/**
 * Returns the product of a weight's gradient: out = or += A' B over all rows. A and B are 0 in the rows that have ended and are not
 * in a span. The live rows are copied together, block by block, so that the sums have the same bits.
 */
export function weightGradient(b: LiveBuffers): (out: Matrix, a: Matrix, x: Matrix, accumulate?: boolean) => void {
  const { k, live: steps, grad, gates, x: input, state, spec } = b;
  if (!steps || !grad) {
    return (out, a, x, accumulate = true) => k.gemm(out, a, x, { transA: true, accumulate });
  }
  const { block } = steps;
  const rows = Math.min(block, gates.rows);
  const gateWidth = spec.cell?.gateRecurrence ? 3 * spec.hiddenSize : 0;
  const left = k.alloc(rows, Math.max(gates.cols, state.h.cols));
  const right = k.alloc(rows, Math.max(input.cols, state.h.cols, spec.hiddenSize, gateWidth));
  return (out, a, x, accumulate = true) => {
    const live = steps.rows;
    if (!live) return k.gemm(out, a, x, { transA: true, accumulate });
    const { ids } = live;
    let next = 0;
    for (let start = 0; start < a.rows; start += block) {
      const end = Math.min(start + block, a.rows);
      const first = next;
      while (next < ids.length && ids[next]! < end) next++;
      const count = next - first;
      if (count === 0) continue;
      const options = { transA: true, accumulate: accumulate || start > 0 };
      const cut = (m: Matrix, from: number, size: number, cols: number) => k.view(m, from * cols, size, cols);
      if (isDense(count, end - start)) {
        k.gemm(out, cut(a, start, end - start, a.cols), cut(x, start, end - start, x.cols), options);
        continue;
      }
      const [da, dx] = [cut(left, 0, count, a.cols), cut(right, 0, count, x.cols)];
      const chosen = ids.subarray(first, next);
      k.gatherRows(da, a, chosen);
      k.gatherRows(dx, x, chosen);
      k.gemm(out, da, dx, options);
    }
  };
}
