/** The LSTM's pointwise half. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';
import { Command } from '../threads/crew.js';

type Cell = Pick<Kernels, 'lstmCell' | 'lstmCellGrad'>;

export function cell(reach: Reach): Cell {
  const { x, team, least, window, at, alone } = reach;
  return {
    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const args = [at(y.gates), at(y.c), at(y.h), at(cPrev), N, H] as const;
      if (N >= least.rows && N * H >= least.cell && team.shares()) {
        team.shareRows(Command.cell, N, [y.gates, y.c, y.h, cPrev].map(window), ...args);
      } else alone(() => x.lstmCell(...args));
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const matrices = [d.gates, d.c, d.h, dcPrev, y.gates, y.c, cPrev];
      const args = [...matrices.map(at), N, H];
      if (N >= least.rows && N * H >= least.cell && team.shares()) {
        team.shareRows(Command.cellGrad, N, matrices.map(window), ...args);
      } else alone(() => x.lstmCellGrad(...args));
    },
  };
}
