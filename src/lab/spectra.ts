/**
 * Jacobians of the steps, their singular values, and Lyapunov exponents. Gradients vanish if all exponents are negative, and explode
 * if the largest is positive.
 */
import { requireInteger, requireValues, shown } from '../checks.js';
import { invalidData } from '../errors.js';
import { stateJacobian } from '../estimators/algebra/jacobian.js';
import { smallSvd } from '../estimators/algebra/small-svd.js';
import {
  requireNumbers,
  requireSize,
  requireSteps,
  requireSystem,
  type StepData,
  type System,
} from '../estimators/system.js';
import { dot, norm } from '../estimators/vectors.js';

/** The Jacobian J_t = ds_t/ds_{t-1} of every step, (S, S) row-major, for a system of one sequence. */
export function stateJacobians(
  system: System,
  sequence: Iterable<StepData>,
  state?: ArrayLike<number>,
): Float64Array[] {
  requireSystem(system);
  requireInteger('rows', system.batchSize, 1, 1);
  requireSteps(sequence);
  if (state !== undefined) requireNumbers('state', state, system.stateSize);
  let now = state ?? system.initial();
  system.changed();
  return Array.from(sequence, (data) => {
    const step = system.step(now, data);
    now = step.state;
    const J = stateJacobian(step, system.stateSize);
    step.release();
    return J;
  });
}

/** Singular values of a square row-major matrix, in descending order. */
export function singularValues(matrix: ArrayLike<number>): readonly number[] {
  requireValues('matrix', matrix);
  const n = Math.sqrt(matrix.length);
  requireInteger('side of the matrix', n, 1, 1 << 12);
  const rows = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => matrix[i * n + j]!));
  return smallSvd(rows).values; // the transpose has the same singular values
}

/**
 * The `count` largest Lyapunov exponents along a sequence, in nats per step: the mean growth of directions under J_1, J_2, ..., which
 * Gram-Schmidt keeps orthogonal (Benettin et al. 1980; for RNNs Vogt et al. 2022).
 */
export function lyapunovExponents(jacobians: readonly ArrayLike<number>[], count = 1): number[] {
  if (!Array.isArray(jacobians) || jacobians.length === 0) {
    throw invalidData('jacobians', `must be a list of square matrices, got ${shown(jacobians)}.`);
  }
  for (const [t, J] of jacobians.entries()) requireValues(`jacobians[${t}]`, J);
  const n = Math.sqrt((jacobians as readonly ArrayLike<number>[])[0]!.length);
  requireInteger('side of the matrices', n, 1, 1 << 12);
  for (const [t, J] of jacobians.entries()) requireSize(`jacobians[${t}]`, J, n * n);
  requireInteger('count', count, 1, n);
  let frame = Array.from({ length: count }, (_, k) => Float64Array.from({ length: n }, (_, i) => (i === k ? 1 : 0)));
  const growth = new Float64Array(count);
  for (const J of jacobians) {
    frame = frame.map((v) =>
      Float64Array.from({ length: n }, (_, i) => {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += J[i * n + j]! * v[j]!;
        return sum;
      }),
    );
    for (const [k, v] of frame.entries()) {
      for (const before of frame.slice(0, k)) {
        const along = dot(before, v);
        for (let i = 0; i < n; i++) v[i]! -= along * before[i]!;
      }
      const length = norm(v);
      growth[k]! += Math.log(length);
      for (let i = 0; i < n; i++) v[i] = length > 0 ? v[i]! / length : 0;
    }
  }
  return Array.from(growth, (sum) => sum / jacobians.length);
}
