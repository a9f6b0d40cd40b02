/**
 * The plain RNN (Elman 1990), h' = tanh(a), a = Wx x + Wh h + b, and a linear readout under squared error.
 *   with D = diag(1 - h'^2):   J = D Wh,   dh'/dW[j, k] = D[j] z[k],  z = [x; h; 1]
 */
import { isObject, requireInteger, shown } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { requireFloats, requireGradient, requireSize } from '../system.js';
import type { Cell, CellPoint, Readout } from './cell.js';

const joined = (x: ArrayLike<number>, h: ArrayLike<number>): Float64Array => {
  const z = new Float64Array(x.length + h.length + 1);
  z.set(x);
  z.set(h, x.length);
  z[z.length - 1] = 1;
  return z;
};

/** Throws unless `at` is a point of a cell with m inputs and n units. */
function requireCellPoint(at: CellPoint, m: number, n: number): void {
  if (!isObject(at)) throw invalidSetting('at', `must be a point of the cell, got ${shown(at)}.`);
  requireFloats('theta', at.theta);
  requireSize('theta', at.theta, n * (m + n + 1));
  for (const part of ['state', 'next'] as const) requireSize(part, at[part], n);
  requireSize('input', at.input, m);
}

/** A plain RNN cell (Elman 1990) with m inputs and n units. theta is W = [Wx Wh b], (n, m + n + 1) row-major. */
export function rnnCell(inputSize: number, hiddenSize: number): Cell {
  requireInteger('inputSize', inputSize, 0, 1 << 16);
  requireInteger('hiddenSize', hiddenSize, 1, 1 << 16);
  const [m, n, d] = [inputSize, hiddenSize, inputSize + hiddenSize + 1];
  const requirePoint = (at: CellPoint): void => requireCellPoint(at, m, n);
  const slopes = ({ next }: CellPoint): Float64Array => Float64Array.from(next, (h) => 1 - h * h);
  return {
    stateSize: n,
    parameterCount: n * d,
    forward(theta, h, x) {
      requirePoint({ theta, state: h, next: h, input: x } as CellPoint);
      const z = joined(x, h);
      return Float64Array.from({ length: n }, (_, j) => {
        let a = 0;
        for (let k = 0; k < d; k++) a += theta[j * d + k]! * z[k]!;
        return Math.tanh(a);
      });
    },
    vjp(at, v, gradient) {
      requirePoint(at);
      requireSize('v', v, n);
      requireGradient(gradient, n * d);
      const [slope, z, out] = [slopes(at), joined(at.input, at.state), new Float64Array(n)];
      for (let j = 0; j < n; j++) {
        const da = v[j]! * slope[j]!;
        for (let i = 0; i < n; i++) out[i]! += at.theta[j * d + m + i]! * da;
        if (gradient) for (let k = 0; k < d; k++) gradient[j * d + k]! += da * z[k]!;
      }
      return out;
    },
    jvp(at, u, w) {
      requirePoint(at);
      requireSize('u', u, n);
      if (w) requireSize('w', w, n * d);
      const [slope, z] = [slopes(at), joined(at.input, at.state)];
      return slope.map((s, j) => {
        let da = 0;
        for (let i = 0; i < n; i++) da += at.theta[j * d + m + i]! * u[i]!;
        if (w) for (let k = 0; k < d; k++) da += w[j * d + k]! * z[k]!;
        return s * da;
      });
    },
    units(at) {
      requirePoint(at);
      const recurrent = new Float64Array(n * n);
      for (let j = 0; j < n; j++) recurrent.set(at.theta.subarray(j * d + m, j * d + m + n), j * n);
      return {
        size: n,
        gates: 1,
        parts: 1,
        inputs: joined(at.input, at.state),
        byGate: [[slopes(at)]],
        kept: [[new Float64Array(n)]],
        recurrent,
        index: (_gate, unit, k) => unit * d + k,
      };
    },
  };
}

/** A linear readout y = V h + c under the mean squared error over its o outputs. theta is [V c], (o, n + 1) row-major. */
export function squaredErrorReadout(stateSize: number, outputSize: number): Readout {
  requireInteger('stateSize', stateSize, 1, 1 << 16);
  requireInteger('outputSize', outputSize, 1, 1 << 16);
  const [n, o] = [stateSize, outputSize];
  const errors = (theta: FloatArray, s: ArrayLike<number>, target: ArrayLike<number>): Float64Array => {
    requireFloats('theta', theta);
    requireSize('theta', theta, o * (n + 1));
    requireSize('state', s, n);
    requireSize('target', target, o);
    return Float64Array.from({ length: o }, (_, r) => {
      let y = theta[r * (n + 1) + n]!;
      for (let j = 0; j < n; j++) y += theta[r * (n + 1) + j]! * s[j]!;
      return y - target[r]!;
    });
  };
  return {
    parameterCount: o * (n + 1),
    loss: (theta, s, target) => errors(theta, s, target).reduce((sum, e) => sum + e * e, 0) / o,
    gradient(theta, s, target, gradient) {
      requireGradient(gradient, o * (n + 1));
      requireSize('state', s, n);
      const q = new Float64Array(s.length);
      for (const [r, error] of errors(theta, s, target).entries()) {
        const dy = (2 * error) / o;
        for (let j = 0; j < n; j++) {
          q[j]! += dy * theta[r * (n + 1) + j]!;
          if (gradient) gradient[r * (n + 1) + j]! += dy * s[j]!;
        }
        if (gradient) gradient[r * (n + 1) + n]! += dy;
      }
      return q;
    },
  };
}
