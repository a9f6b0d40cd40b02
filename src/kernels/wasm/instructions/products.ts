/** Matrix products: the right operand is laid out in panels first, here or by `pack`. */
import type { Kernels, Matrix } from '../../../contract/kernels.js';
import { type Reach, scratch, type WasmPacked } from '../reach.js';
import { Command } from '../threads/crew.js';

type Products = Pick<Kernels, 'gemm' | 'allocPacked' | 'pack' | 'gemmPacked'>;

export function products(reach: Reach): Products {
  const { heap, x, team, least, edge, window, at, alone, handOut, panelFloats } = reach;
  const panels = scratch(heap, team);
  const packTo = (address: number, b: Matrix, transB: boolean): void => {
    const [K, C] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
    if (K * C >= least.elements && team.shares()) {
      team.share(Command.pack, address, at(b), b.cols, K, C, transB ? 1 : 0);
    } else alone(() => (transB ? x.packBT : x.packB)(address, at(b), b.cols, K, C, 0, C));
  };

  return {
    gemm(out, a, b, { transA = false, transB = false, accumulate = false } = {}) {
      const [R, C, K] = [out.rows, out.cols, transA ? a.rows : a.cols];
      const shared = R * C * K >= least.product && team.shares();
      const address = panels(4 * panelFloats(K, C));
      packTo(address, b, transB);
      // More rows than columns, and rows that lie as they are read: cut by rows, else by columns.
      if (!shared) alone(() => x.gemm(at(out), R, C, at(a), transA, address, K, accumulate, edge, 0, C));
      else if (R > C && !transA) team.share(Command.gemmRows, at(out), R, C, at(a), address, K, +accumulate);
      else team.share(Command.gemmColumns, at(out), R, C, at(a), address, K, +accumulate, +transA);
    },
    allocPacked: (rows, cols) =>
      alone(() => handOut<WasmPacked>({ rows, cols, at: heap.alloc(4 * panelFloats(rows, cols)) })),
    pack: (out, b, transB) => packTo((out as WasmPacked).at, b, transB),
    gemmPacked(out, a, b, accumulate) {
      const [R, C, K] = [out.rows, out.cols, b.rows];
      const packed = (b as WasmPacked).at;
      if (R >= least.rows && R * C * K >= least.rowProduct && team.shares()) {
        const windows = [window(out), window(a)];
        team.shareRows(Command.gemmRows, R, windows, at(out), R, C, at(a), packed, K, +accumulate);
      } else alone(() => x.gemm(at(out), R, C, at(a), false, packed, K, accumulate, edge, 0, C));
    },
  };
}
