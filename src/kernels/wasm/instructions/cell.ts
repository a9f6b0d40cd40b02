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
      const integers = [at(y.gates), at(y.c), at(y.h), at(cPrev), N, H];
      if (isLarge(N, H)) threads.dispatchRows(Command.cell, [y.gates, y.c, y.h, cPrev], integers);
      else threads.dispatch(Command.cell, false, integers);
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const matrices = [d.gates, d.c, d.h, dcPrev, y.gates, y.c, cPrev];
      const integers = [...matrices.map(at), N, H];
      if (isLarge(N, H)) threads.dispatchRows(Command.cellGrad, matrices, integers);
      else threads.dispatch(Command.cellGrad, false, integers);
    },
  };
}
