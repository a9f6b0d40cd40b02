/** The standard cell. Each instruction is one kernel, whose outputs are pieces of one value. */
import type { Kernels } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, type Sum, sumAwaited } from '../record/values.js';
import { cellGrad, cellGradOfSum, cellOfSum, cell as cellText } from '../shaders/cell.js';

type Cells = Pick<Kernels, 'lstmCell' | 'lstmCellGrad'>;

/** Terms of a product up to which a dispatch less counts for more than a kernel that is made for it alone. */
const MOST_TERMS = 2 ** 27;

export function cells(rec: Recorder): Cells {
  /** The sum that a piece, (N,C), waits for, where that is worked out along with what is read of it. */
  const sumOf = (piece: Piece, N: number, C: number): Sum | null => {
    const sum = rec.executor.fuses ? sumAwaited(piece, N * C) : null;
    return sum && N * sum.K * C <= MOST_TERMS ? sum : null;
  };
  return {
    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const inputs = rec.readAll([y.gates, cPrev]);
      const outs = [y.gates, y.c, y.h];
      const lanes = rec.lanes(inputs, 6 * N * H, H);
      const sum = lanes.count === 4 ? sumOf(inputs[0]!, N, 4 * H) : null;
      if (sum) {
        const rows = Math.max(1, rec.executor.blocksOf(N * H) / 4); // of four gates each
        const text = rec.texts.once(`cell ${N} ${H} of ${sum.K}`, () => cellOfSum(N, sum.K, H, rows));
        return rec.writeAll(outs, rec.call(text, [sum.old, inputs[1]!, ...sum.factors]));
      }
      const text = rec.texts.once(`cell ${N} ${H} ${lanes.count}`, () => cellText(N, H, lanes));
      rec.writeAll(outs, rec.call(text, inputs));
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const inputs = rec.readAll([y.gates, y.c, cPrev, d.c, d.h]);
      const outs = [d.gates, d.c, dcPrev];
      const lanes = rec.lanes(inputs, 6 * N * H, H);
      const sum = lanes.count === 4 ? sumOf(inputs[4]!, N, H) : null;
      if (sum) {
        const rows = rec.executor.blocksOf((N * H) / 4);
        const text = rec.texts.once(`cellGrad ${N} ${H} of ${sum.K}`, () => cellGradOfSum(N, sum.K, H, rows));
        return rec.writeAll([...outs, d.h], rec.call(text, [...inputs.slice(0, 4), sum.old, ...sum.factors]));
      }
      const text = rec.texts.once(`cellGrad ${N} ${H} ${lanes.count}`, () => cellGrad(N, H, lanes));
      rec.writeAll(outs, rec.call(text, inputs));
    },
  };
}
