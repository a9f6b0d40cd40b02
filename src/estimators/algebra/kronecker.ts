/** Products with the Jacobian J and with F, for a layer of gated units whose F is a Kronecker product of inputs and slopes. */
import type { GatedUnits } from '../system.js';
import { addScaled } from '../vectors.js';

/** J A for A (S, width), by J's structure: J = (byGate recurrent) on part 0, and the kept diagonals. */
export function timesJacobian(units: GatedUnits, A: Float64Array, width: number): Float64Array {
  const { size: n, gates, parts, byGate, kept, recurrent } = units;
  const out = new Float64Array(parts * n * width);
  const fed = new Float64Array(width); // the input of one pre-activation
  for (let g = 0; g < gates; g++) {
    for (let j = 0; j < n; j++) {
      fed.fill(0);
      for (let i = 0; i < n; i++)
        addScaled(fed, recurrent[(g * n + j) * n + i]!, A.subarray(i * width, (i + 1) * width));
      for (let r = 0; r < parts; r++) {
        const row = out.subarray((r * n + j) * width, (r * n + j + 1) * width);
        addScaled(row, byGate[r]![g]![j]!, fed);
      }
    }
  }
  for (let r = 0; r < parts; r++) {
    for (let q = 0; q < parts; q++) {
      for (let j = 0; j < n; j++) {
        const weight = kept[r]![q]![j]!;
        if (weight === 0) continue;
        const row = out.subarray((r * n + j) * width, (r * n + j + 1) * width);
        addScaled(row, weight, A.subarray((q * n + j) * width, (q * n + j + 1) * width));
      }
    }
  }
  return out;
}

/** D = ds/da, (S, G n). */
export function derivativeByGates({ size: n, gates, parts, byGate }: GatedUnits): Float64Array {
  const D = new Float64Array(parts * n * gates * n);
  for (let r = 0; r < parts; r++) {
    for (let g = 0; g < gates; g++) {
      for (let j = 0; j < n; j++) D[(r * n + j) * gates * n + g * n + j] = byGate[r]![g]![j]!;
    }
  }
  return D;
}

/** q A, `width` numbers. */
export function timesRows(q: ArrayLike<number>, A: Float64Array, width: number): Float64Array {
  const out = new Float64Array(width);
  for (let r = 0; r < q.length; r++) {
    if (q[r] !== 0) addScaled(out, q[r]!, A.subarray(r * width, (r + 1) * width));
  }
  return out;
}

/** Adds a[g, j] u[k] to every weight of gate g, unit j, input k. */
export function addKronecker(
  sum: Float64Array,
  u: Float64Array,
  a: Float64Array,
  n: number,
  index: GatedUnits['index'],
): void {
  for (let row = 0; row < a.length; row++) {
    if (a[row] === 0) continue;
    for (let k = 0; k < u.length; k++) sum[index(Math.floor(row / n), row % n, k)]! += a[row]! * u[k]!;
  }
}
