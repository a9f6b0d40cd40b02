/** The LSTM's pointwise half: one kernel a call, its several outputs pieces of one value. */
import type { Kernels, Matrix, Peepholes } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, type Sum, sumAwaited, type Value, windowOf } from '../record/values.js';
import { cellGrad, cellGradOfSum, cellOfSum, cell as cellText } from '../shaders/cell.js';
import * as halves from '../shaders/cell-halves.js';

type Cells = Pick<
  Kernels,
  'lstmCell' | 'lstmCellGrad' | 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'
>;

/** Terms of a product up to which a dispatch less counts for more than a kernel that is made for it alone. */
const MOST_TERMS = 2 ** 27;

const sameWindow = (a: Matrix, b: Matrix): boolean => {
  const [u, v] = [windowOf(a), windowOf(b)];
  return u.base === v.base && u.offset === v.offset;
};

export function cells(rec: Recorder): Cells {
  /** The peepholes of i and f in one array: webgpu's kernels take no more than seven. */
  const joined = ({ i, f }: Peepholes): Piece[] => {
    const both = [i, f].map((m) => ({ ...rec.read(m), size: m.cols }));
    return [{ value: rec.together(both, i.cols + f.cols), shift: 0 }];
  };
  /** The sum that a piece, (N,C), waits for, where that is worked out along with what is read of it. */
  const sumOf = (piece: Piece, N: number, C: number): Sum | null => {
    const sum = rec.executor.fuses ? sumAwaited(piece, N * C) : null;
    return sum && N * sum.K * C <= MOST_TERMS ? sum : null;
  };
  const readAll = (matrices: readonly Matrix[]) => matrices.map((m) => rec.read(m));
  /** The blocks of `value`, in order. */
  const writeAll = (value: Value, matrices: readonly Matrix[]): void => {
    let shift = 0;
    for (const m of matrices) {
      rec.write(m, value, shift);
      shift += m.rows * m.cols;
    }
  };
  return {
    lstmCell(y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const inputs = readAll([y.gates, cPrev]);
      const outs = [y.gates, y.c, y.h];
      const lanes = rec.lanes(inputs, 6 * N * H, H);
      const sum = lanes.count === 4 ? sumOf(inputs[0]!, N, 4 * H) : null;
      if (sum) {
        const rows = Math.max(1, rec.executor.blocksOf(N * H) / 4); // of four gates each
        const text = rec.texts.once(`cell ${N} ${H} of ${sum.K}`, () => cellOfSum(N, sum.K, H, rows));
        return writeAll(rec.call(text, [sum.old, inputs[1]!, ...sum.factors]), outs);
      }
      const text = rec.texts.once(`cell ${N} ${H} ${lanes.count}`, () => cellText(N, H, lanes));
      writeAll(rec.call(text, inputs), outs);
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      const { rows: N, cols: H } = y.h;
      const inputs = readAll([y.gates, y.c, cPrev, d.c, d.h]);
      const outs = [d.gates, d.c, dcPrev];
      const lanes = rec.lanes(inputs, 6 * N * H, H);
      const sum = lanes.count === 4 ? sumOf(inputs[4]!, N, H) : null;
      if (sum) {
        const rows = rec.executor.blocksOf((N * H) / 4);
        const text = rec.texts.once(`cellGrad ${N} ${H} of ${sum.K}`, () => cellGradOfSum(N, sum.K, H, rows));
        return writeAll(rec.call(text, [...inputs.slice(0, 4), sum.old, ...sum.factors]), [...outs, d.h]);
      }
      const text = rec.texts.once(`cellGrad ${N} ${H} ${lanes.count}`, () => cellGrad(N, H, lanes));
      writeAll(rec.call(text, inputs), outs);
    },
    cellState(y, cPrev, form, peepholes, mask) {
      const { rows: N, cols: H } = y.c;
      const text = halves.stateHalf({ N, H, form, peepholes: peepholes !== null, masked: mask !== null });
      const inputs = [
        ...readAll([y.gates, cPrev]),
        ...(peepholes ? joined(peepholes) : []),
        ...readAll(mask ? [mask] : []),
      ];
      writeAll(rec.call(text, inputs), [y.gates, y.c]);
    },
    cellStateGrad(d, dcPrev, y, cPrev, form, peepholes, dPeepholes, mask) {
      const { rows: N, cols: H } = y.c;
      const text = halves.stateHalfGrad({ N, H, form, peepholes: peepholes !== null, masked: mask !== null });
      const clipped = Number.isFinite(form.clip) ? [y.c] : [];
      const inputs = readAll([y.gates, cPrev, d.gates, d.c, ...(mask ? [mask] : []), ...clipped]);
      writeAll(rec.call(text, [...inputs, ...(peepholes ? joined(peepholes) : [])]), [d.gates, dcPrev]);
      if (!dPeepholes) return;
      for (const [gate, dp] of [dPeepholes.i, dPeepholes.f].entries()) {
        rec.write(dp, rec.call(halves.peepholeGrad(N, H, gate), readAll([dp, d.gates, cPrev])));
      }
    },
    cellOutput(y, s, form, peepholes) {
      const { rows: N, cols: H } = y.c;
      const text = halves.outputHalf({ N, H, form, peepholes: peepholes !== null, masked: false });
      writeAll(rec.call(text, readAll([y.gates, s, ...(peepholes ? [peepholes.o, y.c] : [])])), [y.gates, y.h]);
    },
    cellOutputGrad(d, ds, y, s, form, peepholes, dPeepholes) {
      const { rows: N, cols: H } = y.c;
      const same = sameWindow(ds, d.c);
      const shape = { N, H, form, peepholes: peepholes !== null, masked: false };
      const apart = peepholes !== null && !same;
      const extra = [...(peepholes ? [peepholes.o] : []), ...(apart ? [d.c] : [])];
      const value = rec.call(halves.outputHalfGrad(shape, same), readAll([y.gates, d.gates, d.h, s, ds, ...extra]));
      writeAll(value, [d.gates, ds, ...(apart ? [d.c] : [])]);
      if (dPeepholes) {
        const dp = dPeepholes.o;
        rec.write(dp, rec.call(halves.peepholeGrad(N, H, 3), readAll([dp, d.gates, y.c])));
      }
    },
  };
}
