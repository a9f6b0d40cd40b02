/** What the wasm backend's memory costs. The rules are asked of the module itself, so that they are those it works by. */
import type { BackendMemory, ValueLoss } from '../../core/kernels.js';
import type { WasmExports } from './exports.js';
import { blockBytes, type Heap } from './heap.js';

/** Floats of the panels of a K x C matrix. The module multiplies in 32 bits, which a size that cannot be had overflows. */
export const panelFloats = (x: WasmExports, K: number, C: number): number => K * x.panelFloats(1, C);

/** Numbers that a value loss is told besides matrices and the weights of rows. */
export const lossNumbers = (kind: ValueLoss): readonly number[] =>
  kind.kind === 'quantile' ? kind.quantiles : [kind.kind === 'huber' ? kind.delta : 0];

/** What `threads` take once they run: their control block, and for each of the others the room that this one has as `edge`. */
const threadBytes = (x: WasmExports, threads: number): number =>
  threads > 1 ? blockBytes(x.CONTROL_BYTES.value as number) + (threads - 1) * blockBytes(4 * x.scratchFloats()) : 0;

export function memoryOf(heap: Heap, x: WasmExports, threads: number): BackendMemory {
  const room = (numbers: ArrayLike<number> | null | undefined): number => (numbers ? roomOf(numbers.length) : 0);
  const roomOf = (words: number): number => (words > 0 ? blockBytes(4 * words) : 0);
  const crossEntropy: NonNullable<BackendMemory['rooms']['softmaxCrossEntropy']> = (_, __, ___, targets, o, rows) => ({
    integers: room(targets),
    floats: room(o?.classWeights),
    rows: room(rows),
  });
  const valueLoss = (kind: ValueLoss, rows: ArrayLike<number> | null) => ({
    floats: room(lossNumbers(kind)),
    rows: room(rows),
  });
  return {
    capacity: heap.capacity,
    own: heap.inUse + threadBytes(x, threads),
    inUse: () => heap.inUse,
    matrix: (rows, cols) => blockBytes(4 * rows * cols),
    packed: (rows, cols) => blockBytes(4 * panelFloats(x, rows, cols)),
    rooms: {
      gemm: (out, a, _b, options) => ({ panels: roomOf(panelFloats(x, options?.transA ? a.rows : a.cols, out.cols)) }),
      gatherRows: (_out, _table, ids) => ({ integers: room(ids) }),
      scatterAddRows: (_table, ids) => ({ integers: room(ids) }),
      softmaxCrossEntropy: crossEntropy,
      softmaxCrossEntropyGrad: (dlogits, p, targets, o, rows) => crossEntropy(dlogits, p, p, targets, o, rows),
      valueLoss: (_loss, _y, _target, kind, rows) => valueLoss(kind, rows),
      valueLossGrad: (_dy, _y, _target, kind, rows) => valueLoss(kind, rows),
    },
  };
}
