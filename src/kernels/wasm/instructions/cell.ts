/** The pointwise part of the standard LSTM cell. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import { Command } from '../layout.js';

type Cell = Pick<Kernels, 'lstmCell' | 'lstmCellGrad'>;

export function cell({ threads, thresholds, at }: WasmContext): Cell {
  const isLarge = (N: number, H: number): boolean => N >= thresholds.rows && N * H >= thresholds.cell;
  return {
    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      threads.pass(at(y.gates), at(y.c), at(y.h), at(cPrev), N, H);
      threads.dispatchRows(Command.cell, isLarge(N, H) ? [y.gates, y.c, y.h, cPrev] : null);
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      threads.pass(at(d.gates), at(d.c), at(d.h), at(dcPrev), at(y.gates), at(y.c), at(cPrev), N, H);
      const matrices = isLarge(N, H) ? [d.gates, d.c, d.h, dcPrev, y.gates, y.c, cPrev] : null;
      threads.dispatchRows(Command.cellGrad, matrices);
    },
  };
}
