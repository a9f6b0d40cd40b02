/** Backends with one thing changed: what a derivation error would look like. */
import type { FloatArray, Kernels, LstmStep, LstmStepGrad, Matrix } from '../../src/contract/kernels.js';
import { createReference } from '../../src/kernels/reference/index.js';

/** What one unit of one row knows in the backward pass. `cNext` is c of this step, `cBefore` the one before. */
export interface UnitValues {
  readonly i: number;
  readonly f: number;
  readonly g: number;
  readonly o: number;
  readonly c: number;
  readonly tc: number;
  readonly cBefore: number;
  readonly dh: number;
  /** dc+, what the step after sent back. */
  readonly dcAfter: number;
}

/** (B4), (B3) and (B2) one formula each, so that one of them can be replaced. */
export interface CellFormulas {
  dO(u: UnitValues): number;
  dc(u: UnitValues): number;
  di(u: UnitValues, dc: number): number;
  dg(u: UnitValues, dc: number): number;
  df(u: UnitValues, dc: number): number;
  dcBefore(u: UnitValues, dc: number): number;
  dai(u: UnitValues, di: number): number;
  daf(u: UnitValues, df: number): number;
  dag(u: UnitValues, dg: number): number;
  dao(u: UnitValues, dO: number): number;
}

export const RIGHT_FORMULAS: CellFormulas = {
  dO: (u) => u.dh * u.tc, // (B4)
  dc: (u) => u.dcAfter + u.dh * u.o * (1 - u.tc * u.tc),
  di: (u, dc) => dc * u.g, // (B3)
  dg: (u, dc) => dc * u.i,
  df: (u, dc) => dc * u.cBefore,
  dcBefore: (u, dc) => dc * u.f,
  dai: (u, di) => di * u.i * (1 - u.i), // (B2)
  daf: (u, df) => df * u.f * (1 - u.f),
  dag: (u, dg) => dg * (1 - u.g * u.g),
  dao: (u, dO) => dO * u.o * (1 - u.o),
};

/** The live numbers of a reference matrix. */
export const live = (k: Kernels, m: Matrix): FloatArray => k.host(m)!;

/** The reference in float64 with its `lstmCellGrad` by formulas, some of them replaced. */
export function withFormulas(changed: Partial<CellFormulas>): Kernels {
  const k = createReference('float64');
  const F = { ...RIGHT_FORMULAS, ...changed };
  const lstmCellGrad = (d: LstmStepGrad, dcPrev: Matrix, y: LstmStep, cPrev: Matrix): void => {
    const [N, H] = [y.h.rows, y.h.cols];
    const [gates, c, cBefore] = [live(k, y.gates), live(k, y.c), live(k, cPrev)];
    const [da, dcs, dh, dcOut] = [live(k, d.gates), live(k, d.c), live(k, d.h), live(k, dcPrev)];
    for (let s = 0; s < N * H; s++) {
      const at = Math.floor(s / H) * 4 * H + (s % H);
      const [i, f, g, o] = [gates[at]!, gates[at + H]!, gates[at + 2 * H]!, gates[at + 3 * H]!];
      const u: UnitValues = {
        ...{ i, f, g, o, c: c[s]!, tc: Math.tanh(c[s]!), cBefore: cBefore[s]! },
        ...{ dh: dh[s]!, dcAfter: dcs[s]! },
      };
      const dc = F.dc(u);
      dcs[s] = dc;
      dcOut[s] = F.dcBefore(u, dc);
      da[at] = F.dai(u, F.di(u, dc));
      da[at + H] = F.daf(u, F.df(u, dc));
      da[at + 2 * H] = F.dag(u, F.dg(u, dc));
      da[at + 3 * H] = F.dao(u, F.dO(u));
    }
  };
  return { ...k, lstmCellGrad };
}

/** The reference in float64 with some instructions replaced. */
export function withInstructions(change: (right: Kernels) => Partial<Kernels>): Kernels {
  const right = createReference('float64');
  return { ...right, ...change(right) };
}
