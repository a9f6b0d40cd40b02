/** The standard cell. Each instruction is one kernel, whose outputs are pieces of one value. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import type { Piece } from '../record/values.js';
import { cellGradOfSum, cellGradProgram, cellOfSum, cellProgram } from '../shaders/cell.js';
import { MAX_FUSED_TERMS } from '../thresholds.js';
import { type PendingSum, pendingSum } from './pending-sum.js';

export function cells(rec: Recorder): Pick<Kernels, 'lstmCell' | 'lstmCellGrad'> {
  /** The pending sum of the piece (N,C), if the cell's kernel should compute it. */
  const fusableSum = (piece: Piece, N: number, C: number): PendingSum | null => {
    const sum = rec.executor.fusesSums ? pendingSum(piece, N * C) : null;
    return sum && N * sum.K * C <= MAX_FUSED_TERMS ? sum : null;
  };
  return {
    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const inputs = rec.readAll([y.gates, cPrev]);
      const outs = [y.gates, y.c, y.h];
      const lanes = rec.lanes(inputs, 6 * N * H, H);
      const sum = lanes.count === 4 ? fusableSum(inputs[0]!, N, 4 * H) : null;
      if (sum) {
        const rows = Math.max(1, rec.executor.blocksOf(N * H) / 4); // of four gates each
        const fused = rec.shaders.get(`cell ${N} ${H} of ${sum.K}`, () => cellOfSum(N, sum.K, H, rows));
        return rec.writeAll(outs, rec.call(fused, [sum.old, inputs[1]!, ...sum.factors]));
      }
      const program = rec.shaders.get(`cell ${N} ${H} ${lanes.count}`, () => cellProgram(N, H, lanes));
      rec.writeAll(outs, rec.call(program, inputs));
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const inputs = rec.readAll([y.gates, y.c, cPrev, d.c, d.h]);
      const outs = [d.gates, d.c, dcPrev];
      const lanes = rec.lanes(inputs, 6 * N * H, H);
      const sum = lanes.count === 4 ? fusableSum(inputs[4]!, N, H) : null;
      if (sum) {
        const rows = rec.executor.blocksOf((N * H) / 4);
        const fused = rec.shaders.get(`cellGrad ${N} ${H} of ${sum.K}`, () => cellGradOfSum(N, sum.K, H, rows));
        return rec.writeAll([...outs, d.h], rec.call(fused, [...inputs.slice(0, 4), sum.old, ...sum.factors]));
      }
      const program = rec.shaders.get(`cellGrad ${N} ${H} ${lanes.count}`, () => cellGradProgram(N, H, lanes));
      rec.writeAll(outs, rec.call(program, inputs));
    },
  };
}
