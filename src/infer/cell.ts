/**
 * The parts of an LSTM's step that the standard one does not have, forward only (core/lstm/staged.ts has their derivatives):
 *   (F2) i, f, o = gate(a + peephole c), g = candidate(ag)      (F3) c = f c- + i g      (F4) h = o output(LN?(c))
 *   (N1) LN(a) = gain (a - mean) / sqrt(variance + eps) + bias, over each row
 *   (Z1) h, c = z [h-, c-] + (1 - z) [h, c]                     (Z2) rows that have ended keep their state
 */
import type { LstmSpec } from '../core/lstm/spec.js';
import { activation } from './activations.js';
import type { Floats } from './file.js';

const LN_EPSILON = 1e-5;

/** The steps of each row; null if all have all steps. */
export type Lengths = ArrayLike<number> | null;

/** Reads a parameter of one LSTM, by its name in `LstmSpec`. */
export type ReadPart = (part: string, shape: readonly number[]) => Floats;

/** (N1) Adds to `out` if `adds`. */
export type Norm = (out: Floats, a: Floats, rows: number, adds: boolean) => void;

export function layerNorm(read: ReadPart, of: string, size: number): Norm {
  const [gain, bias] = [read(`norm_gain_${of}`, [size]), read(`norm_bias_${of}`, [size])];
  return (out, a, rows, adds) => {
    for (let from = 0; from < rows * size; from += size) {
      let mean = 0;
      let variance = 0;
      for (let j = 0; j < size; j++) mean += a[from + j]! / size;
      for (let j = 0; j < size; j++) variance += (a[from + j]! - mean) ** 2 / size;
      const root = 1 / Math.sqrt(variance + LN_EPSILON);
      for (let j = 0; j < size; j++) {
        out[from + j] = (adds ? out[from + j]! : 0) + gain[j]! * (a[from + j]! - mean) * root + bias[j]!;
      }
    }
  };
}

/** (F2)-(F4) for `rows` rows: gates [rows, 4H] become activated; c is replaced, and u, [rows, H], is the output. */
export type Cell = (rows: number, gates: Floats, c: Floats, u: Floats) => void;

/** The cell of a spec; null for the standard cell, which the machine computes. */
export function variantCell({ cell = {}, hiddenSize: H }: LstmSpec, read: ReadPart): Cell | null {
  const { gates: set = 'all', peepholes, clip = Number.POSITIVE_INFINITY, activations = {} } = cell;
  if (Object.keys(cell).length === 0) return null;
  const gate = activation(activations.gate ?? 'sigmoid');
  const candidate = activation(activations.candidate ?? 'tanh');
  const output = activation(activations.output ?? 'tanh');
  const peephole = (of: string): Floats => (peepholes ? read(`peephole_${of}`, [H]) : new Float32Array(H));
  const [pi, pf, po] = [peephole('i'), peephole('f'), peephole('o')];
  const norm = cell.layerNorm ? layerNorm(read, 'c', H) : null;
  return (rows, a, c, u) => {
    for (let s = 0; s < rows * H; s++) {
      const j = s % H;
      const I = 4 * (s - j) + j;
      const before = c[s]!;
      const i = set === 'noInput' ? 1 : gate(a[I]! + pi[j]! * before); // (F2)
      const f = set === 'coupled' ? 1 - i : set === 'noForget' ? 1 : gate(a[I + H]! + pf[j]! * before);
      a[I] = i;
      a[I + H] = f;
      c[s] = Math.min(clip, Math.max(-clip, f * before + i * candidate(a[I + 2 * H]!))); // (F3)
    }
    if (norm) norm(u, c, rows, false);
    for (let s = 0; s < rows * H; s++) {
      const j = s % H;
      const O = 4 * (s - j) + 3 * H + j;
      const o = set === 'noOutput' ? 1 : gate(a[O]! + po[j]! * c[s]!); // (F2)
      a[O] = o;
      u[s] = o * output(norm ? u[s]! : c[s]!); // (F4)
    }
  };
}

/** (Z1) with the rate z, (Z2): replaces the state s of step t, given the state before. */
function holdPart(s: Floats, before: Floats, z: number, rows: number, t: number, lengths: Lengths): void {
  for (let k = 0; k < s.length; k++) {
    const ended = lengths !== null && t >= lengths[Math.floor((k * rows) / s.length)]!;
    s[k] = ended ? before[k]! : z > 0 ? z * before[k]! + (1 - z) * s[k]! : s[k]!;
  }
}

/** (Z1), (Z2): `keep` the state before a step, and `apply` it after the step. */
export function holder({ zoneout = 0 }: LstmSpec) {
  const { h: zh = 0, c: zc = 0 } = typeof zoneout === 'number' ? { h: zoneout, c: zoneout } : zoneout;
  let hBefore = new Float64Array(0);
  let cBefore = new Float64Array(0);
  return {
    keep(h: Floats, c: Floats) {
      if (hBefore.length !== h.length) [hBefore, cBefore] = [new Float64Array(h.length), new Float64Array(c.length)];
      hBefore.set(h);
      cBefore.set(c);
    },
    apply(h: Floats, c: Floats, rows: number, t: number, lengths: Lengths) {
      if (lengths === null && zh === 0 && zc === 0) return;
      holdPart(h, hBefore, zh, rows, t, lengths);
      holdPart(c, cBefore, zc, rows, t, lengths);
    },
  };
}
