/** Jacobians, their spectra and growth, and the gradient by time step. */
import { expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import {
  bptt,
  gradientsByStep,
  lyapunovExponents,
  singularValues,
  stateJacobians,
  unroll,
} from '../../src/lab/index.js';
import { make, SPECS } from '../estimators/support.js';

test('singular values: of a product of known ones, of a diagonal, of a singular matrix', () => {
  expect(singularValues([3, 0, 0, -4])).toEqual([4, 3]);
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)];
  const values = singularValues([5 * c, -0.5 * s, 5 * s, 0.5 * c]);
  expect(values[0]).toBeCloseTo(5, 12);
  expect(values[1]).toBeCloseTo(0.5, 12);
  expect(singularValues([1, 2, 2, 4])[1]).toBeCloseTo(0, 12);
  const random = createRng(1, 'matrix');
  const A = Float64Array.from({ length: 49 }, () => random.normal());
  const squares = singularValues(A).reduce((sum, v) => sum + v * v, 0);
  expect(squares).toBeCloseTo(
    A.reduce((sum, v) => sum + v * v, 0),
    10,
  ); // the Frobenius norm
});

test('Lyapunov exponents: the logarithms of a constant map, and the growth of a product', () => {
  const map = [2, 1, 0, 0.5];
  const [first, second] = lyapunovExponents(Array(200).fill(map), 2);
  expect(first).toBeCloseTo(Math.log(2), 2);
  expect(second).toBeCloseTo(Math.log(0.5), 2);
  const { system, sequence } = make(SPECS.plain!, { steps: 40 });
  const jacobians = stateJacobians(system, sequence);
  expect(jacobians).toHaveLength(40);
  const all = lyapunovExponents(jacobians, 8);
  expect([...all].sort((a, b) => b - a)).toEqual(all);
  expect(all[0]).toBeLessThan(0); // an untrained LSTM forgets
  // Volumes: the sum of all exponents is the mean of log |det J|, the product of its singular values.
  const volume = jacobians.reduce((sum, J) => sum + singularValues(J).reduce((a, v) => a + Math.log(v), 0), 0) / 40;
  expect(all.reduce((a, b) => a + b, 0)).toBeCloseTo(volume, 8);
});

test.each(['plain', 'stacked', 'tokens'])('%s: the gradients of the steps sum up to the gradient', (name) => {
  const { system, sequence } = make(SPECS[name]!, { batchSize: 2 });
  const steps = gradientsByStep(system, sequence);
  let exact = new Float64Array(0);
  unroll(system, bptt().start(system, createRng(1, 'x')), sequence, {}, (gradient) => {
    exact = Float64Array.from(gradient);
  });
  for (const [p, want] of exact.entries()) {
    expect(steps.reduce((sum, { parameterGradient }) => sum + parameterGradient[p]!, 0)).toBeCloseTo(want, 12);
  }
  expect(steps[0]!.stateGradient.some((v) => v !== 0)).toBe(true);
  expect(steps).toHaveLength(sequence.length);
});
