/** The cell in all its other forms, cut in two at c. */
import { ACTIVATIONS, type Activation, type CellForm, GATE_SETS, type Kernels } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';

/** An activation, or a form's gates and two activations, as the module's arguments. */
const numbers = ({ kind, alpha, beta }: Activation): number[] => [ACTIVATIONS.indexOf(kind), alpha, beta];
const form = ({ gates, gate }: CellForm, other: Activation): number[] => [
  GATE_SETS.indexOf(gates),
  ...numbers(gate),
  ...numbers(other),
];

type CellHalves = Pick<Kernels, 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'>;

export function cellHalves(reach: Reach): CellHalves {
  const { x, at, alone } = reach;
  return {
    cellState(y, cPrev, cell, peepholes, mask) {
      const sizes = [y.c.rows, y.c.cols];
      const more = [cell.clip, at(peepholes?.i), at(peepholes?.f), at(mask)];
      alone(() => x.cellState(at(y.gates), at(y.c), at(cPrev), ...sizes, ...form(cell, cell.candidate), ...more));
    },
    cellStateGrad(d, dcPrev, y, cPrev, cell, peepholes, dPeepholes, mask) {
      const matrices = [d.gates, d.c, dcPrev, y.gates, y.c, cPrev].map(at);
      const peeps = [peepholes?.i, peepholes?.f, dPeepholes?.i];
      const more = [...peeps, dPeepholes?.f, mask].map(at);
      const kind = form(cell, cell.candidate);
      alone(() => x.cellStateGrad(...matrices, y.c.rows, y.c.cols, ...kind, cell.clip, ...more));
    },
    cellOutput(y, s, cell, peepholes) {
      const matrices = [y.gates, y.c, y.h, s].map(at);
      const more = at(peepholes?.o);
      alone(() => x.cellOutput(...matrices, y.c.rows, y.c.cols, ...form(cell, cell.output), more));
    },
    cellOutputGrad(d, ds, y, s, cell, peepholes, dPeepholes) {
      const matrices = [d.gates, d.c, d.h, ds, y.gates, y.c, s].map(at);
      const more = [peepholes?.o, dPeepholes?.o].map(at);
      alone(() => x.cellOutputGrad(...matrices, y.c.rows, y.c.cols, ...form(cell, cell.output), ...more));
    },
  };
}
