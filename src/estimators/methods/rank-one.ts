/**
 * Unbiased approximations of RTRL's influence matrix M = ds/dtheta by one product of two factors. Random signs nu make the mixed
 * terms vanish in the mean: E[nu nu'] = 1, so E[(sum_i nu_i a_i)(sum_i nu_i b_i)'] = sum_i a_i b_i'. The factors are balanced (rho)
 * to minimize the variance of the mixed terms.
 */
import type { FloatArray } from '../../contract/kernels.js';
import { requireOneRow, requireUnits } from '../algebra/jacobian.js';
import { addKronecker, derivativeByGates, timesJacobian, timesRows } from '../algebra/kronecker.js';
import { defineEstimator, type GradientEstimator, productMacs } from '../estimator.js';
import { addScaled, dot, norm, randomSigns } from '../vectors.js';

/** sqrt(a / b), or 1 if either is 0. */
const balance = (a: number, b: number): number => (a > 0 && b > 0 ? Math.sqrt(a / b) : 1);

const online = { unbiased: true, stochastic: true, direction: 'forward', every: null } as const;

/**
 * UORO (Tallec & Ollivier 2018): M ~ s~ theta~', one outer product. Unbiased.
 *
 *   s~ <- rho0 J s~ + rho1 nu,   theta~ <- theta~ / rho0 + F' nu / rho1,
 *   rho0 = sqrt(|theta~| / |J s~|),   rho1 = sqrt(|F' nu| / |nu|),     g += (q s~) theta~
 */
export const uoro = defineEstimator(
  'uoro',
  { summary: 'unbiased: ds/dtheta as one outer product', examples: [''] },
  (): GradientEstimator => ({
    ...online,
    name: 'uoro',
    start(system, random) {
      requireOneRow('uoro', system);
      const [S, P] = [system.stateSize, system.parameters.length];
      let state: FloatArray = new Float64Array(S);
      const [theta, sum, sent] = [new Float64Array(P), new Float64Array(P), new Float64Array(P)];
      const cost = { floats: 3 * P + S, macs: 0 };
      return {
        cost,
        step(step) {
          const nu = randomSigns(S, random);
          sent.fill(0);
          step.vjp(nu, sent); // F' nu
          const moved = step.jvp(state, null); // J s~
          const rho0 = balance(norm(theta), norm(moved));
          const rho1 = balance(norm(sent), norm(nu));
          state = Float64Array.from(moved, (v, i) => rho0 * v + rho1 * nu[i]!);
          for (let p = 0; p < P; p++) theta[p] = theta[p]! / rho0 + sent[p]! / rho1;
          const q = step.lossGradient(sum);
          addScaled(sum, dot(q, state), theta);
          cost.macs += 2 * productMacs(system) + 3 * P;
          step.release();
        },
        emit(gradient) {
          addScaled(gradient, 1, sum);
          sum.fill(0);
        },
        reset() {
          state = new Float64Array(S);
          theta.fill(0);
          sum.fill(0);
        },
      };
    },
  }),
);

/**
 * KF-RTRL (Mujika et al. 2018): M ~ u (x) A, for a layer of gated units, whose F is a Kronecker product F = z (x) D of the inputs z
 * and D = ds/da (S, G n). Unbiased. With two random signs c1, c2
 *
 *   u <- c1 rho1 u + c2 rho2 z,   A <- c1 J A / rho1 + c2 D / rho2,
 *   rho1 = sqrt(|J A| / |u|),   rho2 = sqrt(|D| / |z|),     g[g, j, k] += (q A)[g, j] u[k]
 */
export const kfRtrl = defineEstimator(
  'kfRtrl',
  { summary: 'unbiased: ds/dtheta as one Kronecker product' },
  (): GradientEstimator => ({
    ...online,
    name: 'kfRtrl',
    start(system, random) {
      requireOneRow('kfRtrl', system);
      const S = system.stateSize;
      const sum = new Float64Array(system.parameters.length);
      const cost = { floats: sum.length, macs: 0 };
      let u = new Float64Array(0);
      let A = new Float64Array(0); // (S, G n)
      return {
        cost,
        step(step) {
          const units = requireUnits('kfRtrl', step);
          const { size: n, gates, inputs: z, index } = units;
          const width = gates * n;
          if (u.length === 0) {
            u = new Float64Array(z.length);
            A = new Float64Array(S * width);
            cost.floats += u.length + 2 * A.length;
          }
          const JA = timesJacobian(units, A, width);
          const D = derivativeByGates(units);
          const [c1, c2] = randomSigns(2, random) as unknown as [number, number];
          const rho1 = balance(norm(JA), norm(u));
          const rho2 = balance(norm(D), norm(z));
          u = u.map((v, k) => c1 * rho1 * v + c2 * rho2 * z[k]!);
          A = JA.map((v, i) => (c1 * v) / rho1 + (c2 * D[i]!) / rho2);
          const q = step.lossGradient(sum);
          addKronecker(sum, u, timesRows(q, A, width), n, index);
          cost.macs += S * n * width + 3 * A.length + sum.length;
          step.release();
        },
        emit(gradient) {
          addScaled(gradient, 1, sum);
          sum.fill(0);
        },
        reset() {
          u.fill(0);
          A.fill(0);
          sum.fill(0);
        },
      };
    },
  }),
);
