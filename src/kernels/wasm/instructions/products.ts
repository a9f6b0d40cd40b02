/** Matrix products. The right operand is packed into panels first, either by the product itself or by `pack`. */
import type { Kernels, Matrix } from '../../../contract/kernels.js';
import { type WasmContext, type WasmPacked, workspace } from '../context.js';
import { Command } from '../layout.js';

type Products = Pick<Kernels, 'gemm' | 'allocPacked' | 'pack' | 'gemmPacked'>;

export function products(context: WasmContext): Products {
  const { heap, threads, thresholds, at, afterBarrier, own, panelFloats } = context;
  const panels = workspace(heap, threads);
  const packTo = (address: number, b: Matrix, transB: boolean): void => {
    const [K, C] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
    threads.dispatch(Command.pack, K * C >= thresholds.elements, [address, at(b), b.cols, K, C, +transB]);
  };

  return {
    gemm(out, a, b, { transA = false, transB = false, accumulate = false } = {}) {
      const [R, C, K] = [out.rows, out.cols, transA ? a.rows : a.cols];
      const address = panels(4 * panelFloats(K, C));
      packTo(address, b, transB);
      // Threads split the longer side of the result, but A' only by columns: its rows are not contiguous.
      const command = R > C && !transA ? Command.gemmRows : Command.gemmColumns;
      const isLarge = R * C * K >= thresholds.product;
      threads.dispatch(command, isLarge, [at(out), R, C, at(a), address, K, +accumulate, +transA]);
    },
    allocPacked: (rows, cols) =>
      afterBarrier(() => own<WasmPacked>({ rows, cols, at: heap.alloc(4 * panelFloats(rows, cols)) })),
    pack: (out, b, transB) => packTo((out as WasmPacked).at, b, transB),
    gemmPacked(out, a, b, accumulate) {
      const [R, C, K] = [out.rows, out.cols, b.rows];
      threads.pass(at(out), R, C, at(a), (b as WasmPacked).at, K, +accumulate, 0);
      const isLarge = R >= thresholds.rows && R * C * K >= thresholds.rowProduct;
      threads.dispatchRows(Command.gemmRows, isLarge ? [out, a] : null);
    },
  };
}
