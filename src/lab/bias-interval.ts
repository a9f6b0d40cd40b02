/**
 * A confidence interval for the bias |beta| of an estimator, beta = E[g_i] - g, from independent draws in G groups.
 *
 * |mean - g|^2 is too large by tr Cov / N on average, so it cannot show a bias of 0. Products of different draws are not:
 * E[(g_i - g) . (g_j - g)] = |beta|^2 for i != j. With s_k the sum of g_i - g over the n_k draws of group k, and S, N over all groups,
 *
 *   U = (|S|^2 - sum_k |s_k|^2) / (N^2 - sum_k n_k^2)        E[U] = |beta|^2
 *
 * (a U-statistic, Hoeffding 1948). Its standard error is that of the jackknife, with U_k without group k (Efron & Stein 1981):
 *
 *   se^2 = (G - 1) / G sum_k (U_k - mean U)^2
 *
 * The ends are sqrt(max(0, U - x se)) and sqrt(max(0, U + x se)), where a standard normal lies within x of 0 with probability
 * `confidence`.
 */
import { addScaled, dot } from '../estimators/vectors.js';

/** The sum of the draws of a group, and their number. */
export interface DrawGroup {
  readonly sum: Float64Array;
  readonly count: number;
}

/** The interval of |E[g_i] - g|. With fewer than three groups it is [0, Infinity]: nothing limits the error. */
export function biasInterval(
  groups: readonly DrawGroup[],
  exact: Float64Array,
  confidence: number,
): [low: number, high: number] {
  const G = groups.length;
  if (G < 3 || confidence === 1) return [0, Number.POSITIVE_INFINITY];
  const all = new Float64Array(exact.length);
  const parts = groups.map(({ sum, count }) => {
    const s = sum.slice();
    addScaled(s, -count, exact);
    addScaled(all, 1, s);
    return { s, count };
  });
  const draws = groups.reduce((n, { count }) => n + count, 0);
  const countSquares = groups.reduce((n, { count }) => n + count ** 2, 0);
  const square = dot(all, all);
  const squares = parts.reduce((sum, { s }) => sum + dot(s, s), 0);
  const U = (square - squares) / (draws ** 2 - countSquares);
  const without = parts.map(({ s, count }) => {
    const own = dot(s, s);
    return (square - 2 * dot(s, all) + own - (squares - own)) / ((draws - count) ** 2 - (countSquares - count ** 2));
  });
  const mean = without.reduce((sum, u) => sum + u, 0) / G;
  const error = Math.sqrt(((G - 1) / G) * without.reduce((sum, u) => sum + (u - mean) ** 2, 0));
  const end = (x: number): number => Math.sqrt(Math.max(0, U + x * error));
  const x = normalWidth(confidence);
  return [end(-x), end(x)];
}

/**
 * The x for which a standard normal lies in [-x, x] with this probability. It is 2 phi(x) (x + x^3 / 3 + x^5 / (3 * 5) + ...)
 * (Marsaglia 2004), concave in x, so Newton's method from 0 rises to the solution.
 */
export function normalWidth(probability: number): number {
  let x = 0;
  for (let step = 1, tries = 0; step > 1e-12 && tries < 100; tries++) {
    let [term, sum] = [x, x];
    for (let k = 3; term > 1e-17 * sum; k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    step = probability / (2 * density) - sum;
    x += step;
  }
  return x;
}
