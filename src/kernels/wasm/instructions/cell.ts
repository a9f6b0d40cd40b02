/** The pointwise part of the standard LSTM cell. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import { Command } from '../layout.js';

type Cell = Pick<Kernels, 'lstmCell' | 'lstmCellGrad'>;

export function cell({ threads, thresholds, at }: WasmContext): Cell {
  const isLarge = (N: number, H: number): boolean => N >= thresholds.rows && N * H >= thresholds.cell;
  const { integers } = threads;
  return {
    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      integers[0] = at(y.gates);
      integers[1] = at(y.c);
      integers[2] = at(y.h);
      integers[3] = at(cPrev);
      integers[4] = N;
      integers[5] = H;
      threads.dispatchRows(Command.cell, isLarge(N, H) ? [y.gates, y.c, y.h, cPrev] : null);
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      integers[0] = at(d.gates);
      integers[1] = at(d.c);
      integers[2] = at(d.h);
      integers[3] = at(dcPrev);
      integers[4] = at(y.gates);
      integers[5] = at(y.c);
      integers[6] = at(cPrev);
      integers[7] = N;
      integers[8] = H;
      const matrices = isLarge(N, H) ? [d.gates, d.c, d.h, dcPrev, y.gates, y.c, cPrev] : null;
      threads.dispatchRows(Command.cellGrad, matrices);
    },
  };
}
