/**
 * What the matrices and instructions of the wasm backend cost. It is loaded on demand and imports only types, so that a bundler
 * does not split the backend because of it.
 */
import type {
  ClassTargets,
  CrossEntropyOptions,
  MemoryRules,
  ValueLoss,
  ValueTargets,
} from '../../contract/kernels.js';
import type { WasmContext } from './context.js';

/** @param overhead the bytes that the backend takes before the first matrix, without its other threads. */
export function memoryRules({ heap, wasm, panelFloats }: WasmContext, overhead: number, threads: number): MemoryRules {
  const block = (words: number): number => heap.blockBytes(4 * words);
  const sized = (words: number): number => (words > 0 ? block(words) : 0);
  const workspace = (numbers: ArrayLike<number> | null | undefined): number => sized(numbers?.length ?? 0);
  const crossEntropy = ({ classes, rowWeights }: ClassTargets, options?: CrossEntropyOptions) => ({
    integers: workspace(classes),
    floats: workspace(options?.classWeights),
    rows: workspace(rowWeights),
  });
  const valueLoss = ({ rowWeights }: ValueTargets, kind: ValueLoss) => ({
    floats: sized(kind.kind === 'quantile' ? kind.quantiles.length : 1),
    rows: workspace(rowWeights),
  });
  // The control block, and scratch memory for each of the other threads.
  const pool = heap.blockBytes(wasm.CONTROL_BYTES.value as number) + (threads - 1) * block(wasm.scratchFloats());
  return {
    overhead: threads > 1 ? overhead + pool : overhead,
    matrix: (rows, cols) => block(rows * cols),
    packed: (rows, cols) => block(panelFloats(rows, cols)),
    workspaces: {
      gemm: (out, a, _b, options) => ({ panels: sized(panelFloats(options?.transA ? a.rows : a.cols, out.cols)) }),
      gatherRows: (_out, _table, ids) => ({ integers: workspace(ids) }),
      scatterAddRows: (_table, ids) => ({ integers: workspace(ids) }),
      softmaxCrossEntropy: (_loss, _p, _logits, targets, options) => crossEntropy(targets, options),
      softmaxCrossEntropyGrad: (_dlogits, _p, targets, options) => crossEntropy(targets, options),
      valueLoss: (_loss, _y, targets, kind) => valueLoss(targets, kind),
      valueLossGrad: (_dy, _y, targets, kind) => valueLoss(targets, kind),
    },
  };
}
