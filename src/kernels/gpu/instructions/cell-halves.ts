/** The cell variants, split in two at c. Each instruction is one kernel, whose outputs are pieces of one value. */
import type { Kernels, Peepholes } from '../../../contract/kernels.js';
import { sameStart } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, pieceOf } from '../record/values.js';
import * as shaders from '../shaders/cell-halves.js';

type CellHalves = Pick<Kernels, 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'>;

export function cellHalves(rec: Recorder): CellHalves {
  /** The peepholes of i and f in one array: a kernel on WebGPU has at most seven. */
  const concatenated = ({ i, f }: Peepholes): Piece[] => {
    const both = [i, f].map((m) => ({ ...rec.read(m), size: m.cols }));
    return [pieceOf(rec.concatenate(both, i.cols + f.cols))];
  };
  return {
    cellState(y, cPrev, { variant, peepholes, mask }) {
      const { rows: N, cols: H } = y.c;
      const program = shaders.stateHalf({ N, H, variant, peepholes: peepholes !== null, masked: mask !== null });
      const inputs = [
        ...rec.readAll([y.gates, cPrev]),
        ...(peepholes ? concatenated(peepholes) : []),
        ...rec.readAll(mask ? [mask] : []),
      ];
      rec.writeAll([y.gates, y.c], rec.call(program, inputs));
    },
    cellStateGrad(d, y, cPrev, { variant, peepholes, mask }) {
      const { rows: N, cols: H } = y.c;
      const program = shaders.stateHalfGrad({ N, H, variant, peepholes: peepholes !== null, masked: mask !== null });
      const clipped = Number.isFinite(variant.clip) ? [y.c] : [];
      const inputs = rec.readAll([y.gates, cPrev, d.gates, d.c, ...(mask ? [mask] : []), ...clipped]);
      rec.writeAll([d.gates, d.cPrev], rec.call(program, [...inputs, ...(peepholes ? concatenated(peepholes) : [])]));
      if (!d.peepholes) return;
      for (const [gate, dp] of [d.peepholes.i, d.peepholes.f].entries()) {
        rec.write(dp, rec.call(shaders.peepholeGrad(N, H, gate), rec.readAll([dp, d.gates, cPrev])));
      }
    },
    cellOutput(y, s, { variant, peepholes }) {
      const { rows: N, cols: H } = y.c;
      const program = shaders.outputHalf({ N, H, variant, peepholes: peepholes !== null, masked: false });
      const inputs = rec.readAll([y.gates, s, ...(peepholes ? [peepholes.o, y.c] : [])]);
      rec.writeAll([y.gates, y.h], rec.call(program, inputs));
    },
    cellOutputGrad(d, y, s, { variant, peepholes }) {
      const { rows: N, cols: H } = y.c;
      const same = sameStart(d.s, d.c);
      const shape = { N, H, variant, peepholes: peepholes !== null, masked: false };
      const apart = peepholes !== null && !same;
      const extra = [...(peepholes ? [peepholes.o] : []), ...(apart ? [d.c] : [])];
      const value = rec.call(
        shaders.outputHalfGrad(shape, same),
        rec.readAll([y.gates, d.gates, d.h, s, d.s, ...extra]),
      );
      rec.writeAll([d.gates, d.s, ...(apart ? [d.c] : [])], value);
      if (d.peepholes) {
        const dp = d.peepholes.o;
        rec.write(dp, rec.call(shaders.peepholeGrad(N, H, 3), rec.readAll([dp, d.gates, y.c])));
      }
    },
  };
}
