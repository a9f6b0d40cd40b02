/**
 * What the wasm backend's memory costs, by the rules that the heap and the module themselves work by. Loaded when it is asked
 * for; it imports none of them, so that a bundler does not cut them apart on its account.
 */
import type { MemoryRules, ValueLoss } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';

/** `own`: what one thread takes before the first matrix. */
export function memoryRules({ heap, x, panelFloats }: Reach, own: number, threads: number): MemoryRules {
  const block = (words: number): number => heap.blockBytes(4 * words);
  const roomOf = (words: number): number => (words > 0 ? block(words) : 0);
  const room = (numbers: ArrayLike<number> | null | undefined): number => roomOf(numbers?.length ?? 0);
  const crossEntropy: NonNullable<MemoryRules['rooms']['softmaxCrossEntropy']> = (_, __, ___, targets, o, rows) => ({
    integers: room(targets),
    floats: room(o?.classWeights),
    rows: room(rows),
  });
  const valueLoss = (kind: ValueLoss, rows: ArrayLike<number> | null) => ({
    floats: roomOf(kind.kind === 'quantile' ? kind.quantiles.length : 1),
    rows: room(rows),
  });
  // Their control block, and for each of the others the room that this thread has as `edge`.
  const team = heap.blockBytes(x.CONTROL_BYTES.value as number) + (threads - 1) * block(x.scratchFloats());
  return {
    own: threads > 1 ? own + team : own,
    matrix: (rows, cols) => block(rows * cols),
    packed: (rows, cols) => block(panelFloats(rows, cols)),
    rooms: {
      gemm: (out, a, _b, options) => ({ panels: roomOf(panelFloats(options?.transA ? a.rows : a.cols, out.cols)) }),
      gatherRows: (_out, _table, ids) => ({ integers: room(ids) }),
      scatterAddRows: (_table, ids) => ({ integers: room(ids) }),
      softmaxCrossEntropy: crossEntropy,
      softmaxCrossEntropyGrad: (dlogits, p, targets, o, rows) => crossEntropy(dlogits, p, p, targets, o, rows),
      valueLoss: (_loss, _y, _target, kind, rows) => valueLoss(kind, rows),
      valueLossGrad: (_dy, _y, _target, kind, rows) => valueLoss(kind, rows),
    },
  };
}
