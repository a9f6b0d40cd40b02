/** The cell variants, split in two at c. Each instruction is one kernel, whose outputs are pieces of one value. */
import type { Kernels, Matrix, Peepholes } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, windowOf } from '../record/values.js';
import * as halves from '../shaders/cell-halves.js';

type CellHalves = Pick<Kernels, 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'>;

const sameWindow = (a: Matrix, b: Matrix): boolean => {
  const [u, v] = [windowOf(a), windowOf(b)];
  return u.base === v.base && u.offset === v.offset;
};

export function cellHalves(rec: Recorder): CellHalves {
  /** The peepholes of i and f in one array: webgpu's kernels take no more than seven. */
  const joined = ({ i, f }: Peepholes): Piece[] => {
    const both = [i, f].map((m) => ({ ...rec.read(m), size: m.cols }));
    return [{ value: rec.together(both, i.cols + f.cols), shift: 0 }];
  };
  return {
    cellState(y, cPrev, { variant, peepholes, mask }) {
      const { rows: N, cols: H } = y.c;
      const text = halves.stateHalf({ N, H, variant, peepholes: peepholes !== null, masked: mask !== null });
      const inputs = [
        ...rec.readAll([y.gates, cPrev]),
        ...(peepholes ? joined(peepholes) : []),
        ...rec.readAll(mask ? [mask] : []),
      ];
      rec.writeAll([y.gates, y.c], rec.call(text, inputs));
    },
    cellStateGrad(d, y, cPrev, { variant, peepholes, mask }) {
      const { rows: N, cols: H } = y.c;
      const text = halves.stateHalfGrad({ N, H, variant, peepholes: peepholes !== null, masked: mask !== null });
      const clipped = Number.isFinite(variant.clip) ? [y.c] : [];
      const inputs = rec.readAll([y.gates, cPrev, d.gates, d.c, ...(mask ? [mask] : []), ...clipped]);
      rec.writeAll([d.gates, d.cPrev], rec.call(text, [...inputs, ...(peepholes ? joined(peepholes) : [])]));
      if (!d.peepholes) return;
      for (const [gate, dp] of [d.peepholes.i, d.peepholes.f].entries()) {
        rec.write(dp, rec.call(halves.peepholeGrad(N, H, gate), rec.readAll([dp, d.gates, cPrev])));
      }
    },
    cellOutput(y, s, { variant, peepholes }) {
      const { rows: N, cols: H } = y.c;
      const text = halves.outputHalf({ N, H, variant, peepholes: peepholes !== null, masked: false });
      const inputs = rec.readAll([y.gates, s, ...(peepholes ? [peepholes.o, y.c] : [])]);
      rec.writeAll([y.gates, y.h], rec.call(text, inputs));
    },
    cellOutputGrad(d, y, s, { variant, peepholes }) {
      const { rows: N, cols: H } = y.c;
      const same = sameWindow(d.s, d.c);
      const shape = { N, H, variant, peepholes: peepholes !== null, masked: false };
      const apart = peepholes !== null && !same;
      const extra = [...(peepholes ? [peepholes.o] : []), ...(apart ? [d.c] : [])];
      const value = rec.call(
        halves.outputHalfGrad(shape, same),
        rec.readAll([y.gates, d.gates, d.h, s, d.s, ...extra]),
      );
      rec.writeAll([d.gates, d.s, ...(apart ? [d.c] : [])], value);
      if (d.peepholes) {
        const dp = d.peepholes.o;
        rec.write(dp, rec.call(halves.peepholeGrad(N, H, 3), rec.readAll([dp, d.gates, y.c])));
      }
    },
  };
}
