/**
 * OK, the optimal Kronecker-sum approximation of RTRL (Benzing et al. 2019, arXiv:1902.03993): M ~ sum of r terms u_i (x) A_i. A
 * step makes r + 1 terms, (u_i, J A_i) and (z, D), and reduces them to r without bias and with minimal variance:
 *
 *   [u z] = Q R,  [JA D] = P T (QR of both),   R T' = U diag(d) V' (SVD),   diag(d) ~ L L' of rank r at random,
 *   u <- Q U L,   A <- P V L
 *
 * where L keeps the largest d, and mixes the last k + 1 into k columns with random signs nu:
 *
 *   z_i = sqrt(1 - k d_i / s), s their sum,   L = sqrt(s / k) diag(nu) Z,   Z Z' = I - z z',   so that E[L L'] = diag(d)
 */

import { requireInteger } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import type { Rng } from '../../core/rng.js';
import { requireOneRow, requireUnits } from '../algebra/jacobian.js';
import { addKronecker, derivativeByGates, timesJacobian, timesRows } from '../algebra/kronecker.js';
import { smallSvd } from '../algebra/small-svd.js';
import { defineEstimator, type EstimatorCost, type EstimatorRun, type GradientEstimator } from '../estimator.js';
import type { SystemStep } from '../system.js';
import { addScaled, dot, norm, randomSigns } from '../vectors.js';

const DEPENDENT = 1e-14; // relative size below which the rest of a column counts as 0

/** Columns = Q R by modified Gram-Schmidt; a column in the span of those before it has a column of zeros in Q. R by columns. */
function qr(columns: readonly Float64Array[]): { Q: Float64Array[]; R: Float64Array[] } {
  const Q: Float64Array[] = [];
  const R = columns.map((column) => {
    const rest = column.slice();
    const row = new Float64Array(columns.length);
    Q.forEach((q, i) => {
      row[i] = dot(q, rest);
      addScaled(rest, -row[i]!, q);
    });
    const size = norm(rest);
    const free = size > DEPENDENT * norm(column);
    row[Q.length] = free ? size : 0;
    Q.push(free ? rest.map((v) => v / size) : new Float64Array(rest.length));
    return row;
  });
  return { Q, R };
}

/** L, r columns of r + 1 numbers with E[L L'] = diag(d), for d from the largest to the smallest. */
export function mixDiagonal(d: readonly number[], random: Rng): Float64Array[] {
  const r = d.length - 1;
  const from = (m: number) => d.slice(m).reduce((a, b) => a + b, 0);
  let kept = 0;
  while (kept < r - 1 && (r - kept) * d[kept]! > from(kept)) kept++;
  const [k, s] = [r - kept, from(kept)];
  const L = Array.from({ length: r }, () => new Float64Array(r + 1));
  for (let i = 0; i < kept; i++) L[i]![i] = Math.sqrt(d[i]!);
  if (s === 0) return L;
  const z = d.slice(kept).map((v) => Math.sqrt(Math.max(0, 1 - (k * v) / s)));
  const signs = randomSigns(k + 1, random);
  // Z: the Householder reflection that takes the first axis to -z, without its first column.
  for (let j = 1; j <= k; j++) {
    for (let i = 0; i <= k; i++) {
      const entry = i === 0 ? -z[j]! : (i === j ? 1 : 0) - (z[i]! * z[j]!) / (1 + z[0]!);
      L[kept + j - 1]![kept + i] = Math.sqrt(s / k) * signs[i]! * entry;
    }
  }
  return L;
}

/** Q (basis L): one column for each of L's. */
function combine(Q: readonly Float64Array[], basis: readonly Float64Array[], L: readonly Float64Array[]) {
  return L.map((weights) => {
    const small = new Float64Array(Q.length);
    for (let i = 0; i < Q.length; i++) addScaled(small, weights[i]!, basis[i]!);
    const out = new Float64Array(Q[0]!.length);
    for (let i = 0; i < Q.length; i++) addScaled(out, small[i]!, Q[i]!);
    return out;
  });
}

class KroneckerRun implements EstimatorRun {
  readonly cost: EstimatorCost;
  private readonly rank: number;
  private readonly random: Rng;
  private readonly sum: Float64Array;
  private u: Float64Array[] = []; // empty before the first step
  private A: Float64Array[] = []; // (S, G n) each

  constructor(rank: number, parameters: number, random: Rng) {
    this.rank = rank;
    this.random = random;
    this.sum = new Float64Array(parameters);
    this.cost = { floats: parameters, macs: 0 };
  }

  step(step: SystemStep): void {
    const units = requireUnits('ok', step);
    const { size: n, gates, parts, inputs, index } = units;
    const [r, width, d] = [this.rank, gates * n, inputs.length];
    const S = parts * n;
    const u = [...this.u, Float64Array.from(inputs)];
    const A = [...this.A.map((a) => timesJacobian(units, a, width)), derivativeByGates(units)];
    // Up to r terms are exact.
    if (u.length > r) this.reduce(u, A);
    else [this.u, this.A] = [u, A];
    const q = step.lossGradient(this.sum);
    this.u.forEach((a, i) => {
      addKronecker(this.sum, a, timesRows(q, this.A[i]!, width), n, index);
    });
    this.cost.floats = this.sum.length + (2 * r + 1) * (d + S * width);
    this.cost.macs += r * (S * n * width + S * width + this.sum.length) + 2 * (r + 1) ** 2 * (d + S * width);
    step.release();
  }

  private reduce(u: readonly Float64Array[], A: readonly Float64Array[]): void {
    const [left, right] = [qr(u), qr(A)];
    // Column j of R T' is the sum over the terms i of T[j, i] times column i of R.
    const core = u.map((_, j) => {
      const column = new Float64Array(u.length);
      left.R.forEach((r, i) => {
        addScaled(column, right.R[i]![j]!, r);
      });
      return column;
    });
    const { U, values, V } = smallSvd(core);
    const L = mixDiagonal(values, this.random);
    this.u = combine(left.Q, U, L);
    this.A = combine(right.Q, V, L);
  }

  emit(gradient: FloatArray): void {
    addScaled(gradient, 1, this.sum);
    this.sum.fill(0);
  }

  reset(): void {
    [this.u, this.A] = [[], []];
    this.sum.fill(0);
  }
}

/**
 * The optimal Kronecker-sum approximation of RTRL (Benzing et al. 2019): unbiased.
 *
 * @param options.rank number of terms.
 */
export const ok = defineEstimator(
  'ok',
  { summary: 'unbiased: ds/dtheta as the best sum of `rank` Kronecker products', settings: ['rank'] },
  ({ rank }: { readonly rank: number }): GradientEstimator => {
    requireInteger('rank', rank, 1, 1 << 16);
    return {
      name: `ok(rank=${rank})`,
      unbiased: true,
      stochastic: true,
      direction: 'forward',
      every: null,
      start(system, random) {
        requireOneRow('ok', system);
        return new KroneckerRun(rank, system.parameters.length, random);
      },
    };
  },
);
