/** Computes dL/d(gate) and the output activation, which the backward pass does not store, from the values that it stores. */
import type { CellVariant, FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { hostNumbers } from '../memory/views.js';
import type { CellValues, GateNumbers } from './program.js';
import type { VariantBuffers } from './variant.js';

/** The values of one or more steps of a cell, [rows, H]; gates are [rows, 4H]. */
export interface CellNumbers {
  readonly gates: FloatArray; // i | f | g | o
  readonly c: FloatArray;
  readonly cBefore: FloatArray;
  /** dL/dc, the total of both paths, and dL/dh of the cell. */
  readonly dc: FloatArray;
  readonly dh: FloatArray;
  /** f(s) of (F4). */
  readonly squashed: FloatArray;
  /** The mask on g, with candidate dropout. */
  readonly mask: FloatArray | null;
  /** The gradient of i, f and o from the next step, [rows, 3H], with gate recurrence. */
  readonly external: FloatArray | null;
}

/**
 * (B4), (B3): do = dh*f(s), di = dc*g*m, dg = dc*i*m, df = dc*c-, plus the external gradient. The backward pass
 * computes only the gradients of the pre-activations, so these are computed on demand. A missing gate has the gradient 0.
 */
export function gateGradients(variant: CellVariant, H: number, n: CellNumbers): GateNumbers {
  const { gates, c, cBefore, dc: dcAll, dh, squashed, mask, external } = n;
  const Float = gates instanceof Float64Array ? Float64Array : Float32Array;
  const d = { i: new Float(c.length), f: new Float(c.length), g: new Float(c.length), o: new Float(c.length) };
  for (let s = 0; s < c.length; s++) {
    const j = s % H;
    const I = 4 * (s - j) + j;
    const back = (gate: number): number => external?.[3 * (s - j) + gate * H + j] ?? 0;
    const dc = Math.abs(c[s]!) < variant.clip ? dcAll[s]! : 0;
    d.f[s] = variant.gates === 'noForget' ? 0 : dc * cBefore[s]! + back(1);
    d.i[s] = dc * gates[I + 2 * H]! * (mask?.[s] ?? 1) + back(0) - (variant.gates === 'coupled' ? d.f[s]! : 0);
    if (variant.gates === 'noInput') d.i[s] = 0;
    d.g[s] = dc * gates[I]! * (mask?.[s] ?? 1);
    d.o[s] = variant.gates === 'noOutput' ? 0 : dh[s]! * squashed[s]! + back(2);
  }
  return d;
}

/** f(s) of (F4): the output of the cell's second half with an output gate of 1. Needs `loadVariants`. `free` frees the memory. */
export function outputActivation(k: Kernels, squashed: Matrix, variant: CellVariant): { fs: Matrix; free(): void } {
  const { rows, cols } = squashed;
  const scratch = { gates: k.alloc(rows, 4 * cols), c: k.alloc(rows, cols), h: k.alloc(rows, cols) };
  k.cellOutput(scratch, squashed, { variant: { ...variant, gates: 'noOutput' }, peepholes: null, mask: null });
  return {
    fs: scratch.h,
    free() {
      for (const matrix of [scratch.gates, scratch.c, scratch.h]) k.free(matrix);
    },
  };
}

/** dL/d(gate) at time t. */
export function gateGradientsAt({ k, steps, variant, spec }: VariantBuffers, t: number, cell: CellValues): GateNumbers {
  const { y, d, mask, external, squashed } = cell;
  const read = (m: Matrix): FloatArray => hostNumbers(k, m);
  // Comes first: an allocation may move memory, which invalidates arrays that were read before.
  const output = outputActivation(k, squashed, variant);
  const found = gateGradients(variant, spec.hiddenSize, {
    gates: read(y.gates),
    c: read(y.c),
    cBefore: read(steps[t]!.before.c),
    dc: read(d!.c),
    dh: read(d!.h),
    squashed: read(output.fs),
    mask: mask && read(mask),
    external: external && read(external),
  });
  output.free();
  return found;
}
