/** Values that the backward pass does not store, computed from those that it stores: dL/d(gate) and the output activation. */
import type { CellVariant, FloatArray, Kernels, Matrix } from '../../contract/kernels.js';

/** One or more steps of a cell, row by row: [rows, H], and [rows, 4H] of the gates. */
export interface CellNumbers {
  readonly gates: FloatArray; // i | f | g | o
  readonly c: FloatArray;
  readonly cBefore: FloatArray;
  /** dL/dc whole, and dL/dh, of the cell. */
  readonly dc: FloatArray;
  readonly dh: FloatArray;
  /** f(s) of (F4). */
  readonly squashed: FloatArray;
  /** What multiplied g, where a mask did. */
  readonly mask: FloatArray | null;
  /** What came back to i, f and o from the step after, [rows, 3H], where it did. */
  readonly external: FloatArray | null;
}

export type GateNumbers = Readonly<Record<'i' | 'f' | 'g' | 'o', FloatArray>>;

/**
 * (B4), (B3): do = dh*f(s), di = dc*g*m, dg = dc*i*m, df = dc*c-, and what came back from elsewhere. The backward pass goes
 * directly to the pre-activations, so these are computed on demand. A missing gate has no gradient.
 */
export function gateGradients(form: CellVariant, H: number, n: CellNumbers): GateNumbers {
  const { gates, c, cBefore, dc: dcAll, dh, squashed, mask, external } = n;
  const Float = gates instanceof Float64Array ? Float64Array : Float32Array;
  const d = { i: new Float(c.length), f: new Float(c.length), g: new Float(c.length), o: new Float(c.length) };
  for (let s = 0; s < c.length; s++) {
    const j = s % H;
    const I = 4 * (s - j) + j;
    const back = (gate: number): number => external?.[3 * (s - j) + gate * H + j] ?? 0;
    const dc = Math.abs(c[s]!) < form.clip ? dcAll[s]! : 0;
    d.f[s] = form.gates === 'noForget' ? 0 : dc * cBefore[s]! + back(1);
    d.i[s] = dc * gates[I + 2 * H]! * (mask?.[s] ?? 1) + back(0) - (form.gates === 'coupled' ? d.f[s]! : 0);
    if (form.gates === 'noInput') d.i[s] = 0;
    d.g[s] = dc * gates[I]! * (mask?.[s] ?? 1);
    d.o[s] = form.gates === 'noOutput' ? 0 : dh[s]! * squashed[s]! + back(2);
  }
  return d;
}

/** f(s) of (F4): what the cell's second half gives where the output gate is 1. `free` gives the memory back. */
export function outputActivation(k: Kernels, squashed: Matrix, form: CellVariant): { fs: Matrix; free(): void } {
  const { rows, cols } = squashed;
  const scratch = { gates: k.alloc(rows, 4 * cols), c: k.alloc(rows, cols), h: k.alloc(rows, cols) };
  k.cellOutput(scratch, squashed, { variant: { ...form, gates: 'noOutput' }, peepholes: null, mask: null });
  return {
    fs: scratch.h,
    free() {
      for (const matrix of [scratch.gates, scratch.c, scratch.h]) k.free(matrix);
    },
  };
}
