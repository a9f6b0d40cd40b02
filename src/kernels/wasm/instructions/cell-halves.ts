/** The cell in all its other forms, cut in two at c. */
import { ACTIVATIONS, type Activation, type CellVariant, GATE_SETS, type Kernels } from '../../../contract/kernels.js';
import type { Reach } from '../reach.js';

/** An activation, or a form's gates and two activations, as the module's arguments. */
const numbers = ({ kind, alpha, beta }: Activation): number[] => [ACTIVATIONS.indexOf(kind), alpha, beta];
const variantNumbers = ({ gates, gate }: CellVariant, other: Activation): number[] => [
  GATE_SETS.indexOf(gates),
  ...numbers(gate),
  ...numbers(other),
];

type CellHalves = Pick<Kernels, 'cellState' | 'cellStateGrad' | 'cellOutput' | 'cellOutputGrad'>;

export function cellHalves(reach: Reach): CellHalves {
  const { x, at, alone } = reach;
  return {
    cellState(y, cPrev, { variant, peepholes, mask }) {
      const sizes = [y.c.rows, y.c.cols];
      const more = [variant.clip, at(peepholes?.i), at(peepholes?.f), at(mask)];
      const numbered = variantNumbers(variant, variant.candidate);
      alone(() => x.cellState(at(y.gates), at(y.c), at(cPrev), ...sizes, ...numbered, ...more));
    },
    cellStateGrad(d, y, cPrev, { variant, peepholes, mask }) {
      const matrices = [d.gates, d.c, d.cPrev, y.gates, y.c, cPrev].map(at);
      const more = [peepholes?.i, peepholes?.f, d.peepholes?.i, d.peepholes?.f, mask].map(at);
      const numbered = variantNumbers(variant, variant.candidate);
      alone(() => x.cellStateGrad(...matrices, y.c.rows, y.c.cols, ...numbered, variant.clip, ...more));
    },
    cellOutput(y, s, { variant, peepholes }) {
      const matrices = [y.gates, y.c, y.h, s].map(at);
      const more = at(peepholes?.o);
      alone(() => x.cellOutput(...matrices, y.c.rows, y.c.cols, ...variantNumbers(variant, variant.output), more));
    },
    cellOutputGrad(d, y, s, { variant, peepholes }) {
      const matrices = [d.gates, d.c, d.h, d.s, y.gates, y.c, s].map(at);
      const more = [peepholes?.o, d.peepholes?.o].map(at);
      alone(() =>
        x.cellOutputGrad(...matrices, y.c.rows, y.c.cols, ...variantNumbers(variant, variant.output), ...more),
      );
    },
  };
}
