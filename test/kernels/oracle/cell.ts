/** The expected results of the cell: in float64, with plain loops over lists, from the definitions and independent of every backend. */
import type { Numbers } from './products.js';

/** sigmoid(z) from tanh, independent of 1 / (1 + e^-z) and accurate for large |z|. */
export const logistic = (z: number): number => (z < -30 ? Math.exp(z) : 0.5 + 0.5 * Math.tanh(z / 2));

export interface CellValues {
  readonly gates: number[];
  readonly c: number[];
  readonly h: number[];
}

/** The elementwise part of one LSTM step, from pre-activations [N, 4H] and c- [N, H]. */
export function cell(N: number, H: number, a: Numbers, cBefore: Numbers): CellValues {
  const gates = new Array<number>(4 * N * H);
  const c: number[] = [];
  const h: number[] = [];
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j++) {
      const at = (gate: number): number => n * 4 * H + gate * H + j;
      const [i, f, o] = [0, 1, 3].map((gate) => logistic(a[at(gate)]!)) as [number, number, number];
      const g = Math.tanh(a[at(2)]!);
      [i, f, g, o].forEach((value, gate) => {
        gates[at(gate)] = value;
      });
      c.push(f * cBefore[n * H + j]! + i * g);
      h.push(o * Math.tanh(c.at(-1)!));
    }
  }
  return { gates, c, h };
}

export interface CellGradValues {
  /** By the pre-activations. */
  readonly da: number[];
  readonly dc: number[];
  readonly dcBefore: number[];
}

/** The derivative of `cell` by the chain rule. */
export function cellGrad(N: number, H: number, dh: Numbers, dcAfter: Numbers, y: CellValues, cBefore: Numbers) {
  const out: CellGradValues = { da: new Array<number>(4 * N * H), dc: [], dcBefore: [] };
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j++) {
      const s = n * H + j;
      const at = (gate: number): number => n * 4 * H + gate * H + j;
      const [i, f, g, o] = [0, 1, 2, 3].map((gate) => y.gates[at(gate)]!) as [number, number, number, number];
      const squashed = Math.tanh(y.c[s]!);
      const slope = (1 - squashed) * (1 + squashed);
      const dc = dcAfter[s]! + dh[s]! * o * slope;
      out.dc.push(dc);
      out.dcBefore.push(dc * f);
      out.da[at(0)] = dc * g * (i - i * i);
      out.da[at(1)] = dc * cBefore[s]! * (f - f * f);
      out.da[at(2)] = dc * i * (1 - g) * (1 + g);
      out.da[at(3)] = dh[s]! * squashed * (o - o * o);
    }
  }
  return out;
}
