/**
 * The linear system of "influence balancing" (Tallec & Ollivier 2017, section 4.1): s' = A s + theta sigma, with one parameter
 * whose long-term effect has the opposite sign of its short-term effect.
 *   J = A,  F = sigma
 */
import type { Cell, Readout } from './cell.js';

/**
 * A = (I + superdiagonal) / 2 of size n, sigma = +1 for the first `positive` elements and -1 for the others, s_0 = 1.
 */
export function influenceBalancing(n = 23, positive = 10): Cell {
  const sigma = (i: number): number => (i < positive ? 1 : -1);
  const across = (u: ArrayLike<number>): Float64Array => {
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = 0.5 * (u[i]! + (i + 1 < n ? u[i + 1]! : 0));
    return out;
  };
  return {
    stateSize: n,
    parameterCount: 1,
    initial: () => new Float64Array(n).fill(1),
    forward(theta, s) {
      const out = across(s);
      for (let i = 0; i < n; i++) out[i]! += theta[0]! * sigma(i);
      return out;
    },
    vjp(_at, v, gradient) {
      if (gradient) for (let i = 0; i < n; i++) gradient[0]! += v[i]! * sigma(i);
      const out = new Float64Array(n);
      for (let i = 0; i < n; i++) out[i] = 0.5 * (v[i]! + (i > 0 ? v[i - 1]! : 0));
      return out;
    },
    jvp(_at, u, w) {
      const out = across(u);
      if (w) for (let i = 0; i < n; i++) out[i]! += w[0]! * sigma(i);
      return out;
    },
  };
}

/** l = (s[0] - y)^2 / 2, without parameters. */
export const firstElement: Readout = {
  parameterCount: 0,
  loss: (_theta, s, [y]: ArrayLike<number> & Iterable<number>) => 0.5 * (s[0]! - y!) ** 2,
  gradient(_theta, s, [y]: ArrayLike<number> & Iterable<number>) {
    const q = new Float64Array(s.length);
    q[0] = s[0]! - y!;
    return q;
  },
};
