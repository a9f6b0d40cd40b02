/** Instructions on whole rows. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import { Command } from '../layout.js';

type Rows = Pick<Kernels, 'fillRows' | 'sumRows' | 'gatherRows' | 'scatterAddRows' | 'scaleRows' | 'copyColumns'>;

export function rows({ wasm, threads, thresholds, at, count, afterBarrier, integers }: WasmContext): Rows {
  return {
    fillRows(out, row) {
      threads.pass(at(out), out.rows, at(row), out.cols);
      threads.dispatch(Command.fillRows, count(out) >= thresholds.elements);
    },
    sumRows(out, a) {
      threads.pass(at(out), a.cols, at(a), a.rows);
      threads.dispatch(Command.sumRows, count(a) >= thresholds.elements);
    },
    gatherRows: (out, table, ids) =>
      afterBarrier(() => wasm.gatherRows(at(out), at(table), integers(ids), out.rows, out.cols)),
    scatterAddRows: (table, ids, a) =>
      afterBarrier(() => wasm.scatterAddRows(at(table), integers(ids), at(a), a.rows, a.cols)),
    scaleRows: (out, a, factors, accumulate) =>
      afterBarrier(() => wasm.scaleRows(at(out), at(a), at(factors), out.rows, out.cols, accumulate)),
    copyColumns: (out, a, { from, to, count: cols }, accumulate) =>
      afterBarrier(() =>
        wasm.copyColumns(at(out) + 4 * to, out.cols, at(a) + 4 * from, a.cols, out.rows, cols, accumulate),
      ),
  };
}
