/**
 * The cell variants, split into two halves at c. cell.ts computes the standard cell in one instruction.
 * pi, pf, po: peepholes; m: the mask on g (1 without one); ext: a gradient of an activated gate from the next step.
 *
 *   forward                                     backward
 *   (F2) i = s(ai + pi*c-)  f = s(af + pf*c-)   (B4) do = dh*f(s) + ext;  ds += dh*o*f'(s)
 *        g = k(ag)          [or i = 1, f = 1,   (B2) dao = do*s'(o);  dc += po*dao;  dpo += dao*c
 *                            f = 1 - i]         (B3) di = dc*g*m + ext;  dg = dc*i*m + ext;  df = dc*c- + ext
 *   (F3) c = f*c- + i*g*m   [cut to +-clip]          [f = 1 - i: di -= df, daf = 0;  clipped: dc = 0 here]
 *   (F2) o = s(ao + po*c)   [or o = 1]          (B2) dai = di*s'(i), daf = df*s'(f), dag = dg*k'(g)
 *   (F4) h = o*f(s), s = c or c normalized           dc- = dc*f + pi*dai + pf*daf;  dpi += dai*c-;  dpf += daf*c-
 */
import type { CellArguments, CellOutputGrad, CellStateGrad, LstmStep, Matrix } from '../../contract/kernels.js';
import { activate, slopeAt } from './activations.js';
import { dense } from './dense.js';

const optional = (m: Matrix | null | undefined) => (m ? dense(m) : null);

export function cellState(y: Pick<LstmStep, 'gates' | 'c'>, cPrev: Matrix, cell: CellArguments): void {
  const { variant, peepholes, mask } = cell;
  const [gates, c, cBefore, m] = [dense(y.gates), dense(y.c), dense(cPrev), optional(mask)];
  const [pi, pf] = [optional(peepholes?.i), optional(peepholes?.f)];
  const H = y.c.cols;
  for (let s = 0; s < c.length; s++) {
    const j = s % H;
    const I = 4 * (s - j) + j;
    const F = I + H;
    const G = F + H;
    const before = cBefore[s]!;
    const i = variant.gates === 'noInput' ? 1 : activate(variant.gate, gates[I]! + (pi ? pi[j]! * before : 0)); // (F2)
    const ownF = variant.gates === 'noForget' ? 1 : activate(variant.gate, gates[F]! + (pf ? pf[j]! * before : 0));
    const f = variant.gates === 'coupled' ? 1 - i : ownF;
    const g = activate(variant.candidate, gates[G]!);
    gates[I] = i;
    gates[F] = f;
    gates[G] = g;
    const now = f * before + i * g * (m ? m[s]! : 1); // (F3)
    c[s] = Math.min(variant.clip, Math.max(-variant.clip, now));
  }
}

export function cellStateGrad(
  d: CellStateGrad,
  y: Pick<LstmStep, 'gates' | 'c'>,
  cPrev: Matrix,
  cell: CellArguments,
): void {
  const { variant, peepholes, mask } = cell;
  const [gates, c, cBefore, m] = [dense(y.gates), dense(y.c), dense(cPrev), optional(mask)];
  const [da, dc, dcBefore] = [dense(d.gates), dense(d.c), dense(d.cPrev)];
  const [pi, pf] = [optional(peepholes?.i), optional(peepholes?.f)];
  const [dpi, dpf] = [optional(d.peepholes?.i), optional(d.peepholes?.f)];
  const H = y.c.cols;
  for (let s = 0; s < c.length; s++) {
    const j = s % H;
    const I = 4 * (s - j) + j;
    const F = I + H;
    const G = F + H;
    const [i, f, g] = [gates[I]!, gates[F]!, gates[G]!];
    const before = cBefore[s]!;
    const kept = m ? m[s]! : 1;
    const inside = Math.abs(c[s]!) < variant.clip ? dc[s]! : 0;
    const df = inside * before + da[F]!; // (B3)
    const di = inside * g * kept + da[I]! - (variant.gates === 'coupled' ? df : 0);
    const dg = inside * i * kept + da[G]!;
    const dai = variant.gates === 'noInput' ? 0 : di * slopeAt(variant.gate, i); // (B2)
    const own = variant.gates === 'noForget' || variant.gates === 'coupled';
    const daf = own ? 0 : df * slopeAt(variant.gate, f);
    da[I] = dai;
    da[F] = daf;
    da[G] = dg * slopeAt(variant.candidate, g);
    dcBefore[s] = inside * f + (pi ? pi[j]! * dai : 0) + (pf ? pf[j]! * daf : 0);
    if (dpi) dpi[j] = dpi[j]! + dai * before;
    if (dpf) dpf[j] = dpf[j]! + daf * before;
  }
}

export function cellOutput(y: LstmStep, squashed: Matrix, { variant, peepholes }: CellArguments): void {
  const [gates, c, h, input] = [dense(y.gates), dense(y.c), dense(y.h), dense(squashed)];
  const po = optional(peepholes?.o);
  const H = y.c.cols;
  for (let s = 0; s < c.length; s++) {
    const j = s % H;
    const O = 4 * (s - j) + 3 * H + j;
    const o = variant.gates === 'noOutput' ? 1 : activate(variant.gate, gates[O]! + (po ? po[j]! * c[s]! : 0)); // (F2)
    gates[O] = o;
    h[s] = o * activate(variant.output, input[s]!); // (F4)
  }
}

export function cellOutputGrad(
  d: CellOutputGrad,
  y: Pick<LstmStep, 'gates' | 'c'>,
  squashed: Matrix,
  { variant, peepholes }: CellArguments,
): void {
  const [gates, c, input] = [dense(y.gates), dense(y.c), dense(squashed)];
  const [da, dc, dh, dInput] = [dense(d.gates), dense(d.c), dense(d.h), dense(d.s)];
  const [po, dpo] = [optional(peepholes?.o), optional(d.peepholes?.o)];
  const H = y.c.cols;
  for (let s = 0; s < c.length; s++) {
    const j = s % H;
    const O = 4 * (s - j) + 3 * H + j;
    const o = gates[O]!;
    const out = activate(variant.output, input[s]!);
    const dO = dh[s]! * out + da[O]!; // (B4)
    dInput[s] = dInput[s]! + dh[s]! * o * slopeAt(variant.output, out);
    const dao = variant.gates === 'noOutput' ? 0 : dO * slopeAt(variant.gate, o); // (B2)
    da[O] = dao;
    if (po) dc[s] = dc[s]! + po[j]! * dao;
    if (dpo) dpo[j] = dpo[j]! + dao * c[s]!;
  }
}
