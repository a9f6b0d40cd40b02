/**
 * Singular value decomposition A = U diag(values) V' of a small square matrix, by one-sided Jacobi rotations (Hestenes 1958): pairs
 * of columns of A V are rotated until all are orthogonal. Their norms are the singular values.
 */
import { dot, norm } from '../vectors.js';

export interface SmallSvd {
  /** Columns; a column whose singular value is 0 is 0. */
  readonly U: readonly Float64Array[];
  /** Singular values in descending order. */
  readonly values: readonly number[];
  readonly V: readonly Float64Array[];
}

const SWEEPS = 60; // about 6 suffice, because convergence is quadratic
const ORTHOGONAL = 1e-15;

/** (a, b) <- (c a - s b, s a + c b) */
function rotate(a: Float64Array, b: Float64Array, c: number, s: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
}

/** @param columns the n columns of the matrix, n numbers each. */
export function smallSvd(columns: readonly ArrayLike<number>[]): SmallSvd {
  const n = columns.length;
  const W = columns.map((column) => Float64Array.from(column));
  const V = columns.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0, turned = true; turned && sweep < SWEEPS; sweep++) {
    turned = false;
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const [a, b] = [W[i]!, W[j]!];
        const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
        if (ab === 0 || Math.abs(ab) <= ORTHOGONAL * Math.sqrt(aa) * Math.sqrt(bb)) continue;
        turned = true;
        const zeta = (bb - aa) / (2 * ab);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        rotate(a, b, c, c * t);
        rotate(V[i]!, V[j]!, c, c * t);
      }
    }
  }
  const sizes = W.map(norm);
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]!);
  return {
    U: order.map((i) => (sizes[i]! > 0 ? W[i]!.map((v) => v / sizes[i]!) : W[i]!)),
    values: order.map((i) => sizes[i]!),
    V: order.map((i) => V[i]!),
  };
}
