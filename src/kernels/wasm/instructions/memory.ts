/**
 * What the wasm backend's memory costs, by the rules that the heap and the module themselves work by. Loaded when it is asked
 * for; it imports none of them, so that a bundler does not cut them apart on its account.
 */
import type {
  ClassTargets,
  CrossEntropyOptions,
  MemoryRules,
  ValueLoss,
  ValueTargets,
} from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';

/** `own`: what one thread takes before the first matrix. */
export function memoryRules({ heap, x, panelFloats }: Reach, own: number, threads: number): MemoryRules {
  const block = (words: number): number => heap.blockBytes(4 * words);
  const roomOf = (words: number): number => (words > 0 ? block(words) : 0);
  const room = (numbers: ArrayLike<number> | null | undefined): number => roomOf(numbers?.length ?? 0);
  const crossEntropy = ({ classes, rowWeights }: ClassTargets, options?: CrossEntropyOptions) => ({
    integers: room(classes),
    floats: room(options?.classWeights),
    rows: room(rowWeights),
  });
  const valueLoss = ({ rowWeights }: ValueTargets, kind: ValueLoss) => ({
    floats: roomOf(kind.kind === 'quantile' ? kind.quantiles.length : 1),
    rows: room(rowWeights),
  });
  // Their control block, and for each of the others the room that this thread has as `edge`.
  const team = heap.blockBytes(x.CONTROL_BYTES.value as number) + (threads - 1) * block(x.scratchFloats());
  return {
    overhead: threads > 1 ? own + team : own,
    matrix: (rows, cols) => block(rows * cols),
    packed: (rows, cols) => block(panelFloats(rows, cols)),
    workspaces: {
      gemm: (out, a, _b, options) => ({ panels: roomOf(panelFloats(options?.transA ? a.rows : a.cols, out.cols)) }),
      gatherRows: (_out, _table, ids) => ({ integers: room(ids) }),
      scatterAddRows: (_table, ids) => ({ integers: room(ids) }),
      softmaxCrossEntropy: (_loss, _p, _logits, targets, options) => crossEntropy(targets, options),
      softmaxCrossEntropyGrad: (_dlogits, _p, targets, options) => crossEntropy(targets, options),
      valueLoss: (_loss, _y, targets, kind) => valueLoss(targets, kind),
      valueLossGrad: (_dy, _y, targets, kind) => valueLoss(targets, kind),
    },
  };
}
