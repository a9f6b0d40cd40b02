/** A trajectory by Newton's method equals that of sequential steps. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { firstElement, influenceBalancing } from '../../src/estimators/cells/linear.js';
import {
  bptt,
  cellSystem,
  deer,
  type GradientEstimator,
  quasiDeer,
  type StepData,
  type System,
  solveTrajectory,
  tbptt,
  unroll,
} from '../../src/lab/index.js';
import { problemOf, rejected } from '../support/errors.js';
import { make, SPECS } from './support.js';

function inOrder(system: System, sequence: readonly StepData[]): number[][] {
  let state: ArrayLike<number> = system.initial();
  return sequence.map((data) => {
    const step = system.step(state, data);
    state = step.state;
    step.release();
    return Array.from(state);
  });
}

function worst(a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number {
  return Math.max(...a.map((row, t) => Math.max(...Array.from(row, (v, i) => Math.abs(v - b[t]![i]!)))));
}

describe.each([
  ['plain', 'deer'],
  ['plain', 'quasiDeer'],
  ['coupled', 'quasiDeer'],
  ['stacked', 'deer'],
  ['layerNorm', 'deer'],
] as const)('%s, %s', (name, method) => {
  test('converges to the sequential states, in far fewer iterations than steps', () => {
    const { system, sequence } = make(SPECS[name]!, { steps: 60 });
    const { states, iterations, changes } = solveTrajectory(system, sequence, { method });
    expect(worst(states, inOrder(system, sequence))).toBeLessThan(1e-8);
    // Normalizing the zeros of the first guess puts layerNorm far away from where it ends.
    expect(iterations).toBeLessThan(name === 'layerNorm' ? sequence.length : method === 'deer' ? 12 : 40);
    expect(changes).toHaveLength(iterations);
    expect(changes.at(-1)!).toBeLessThanOrEqual(1e-10);
  });
});

describe('as an estimator', () => {
  test.each([
    ['plain', 'deer', null],
    ['plain', 'quasiDeer', null],
    ['stacked', 'deer', null],
    ['plain', 'deer', 7],
  ] as const)('%s, %s, emitting every %j steps: the gradient of BPTT over the same windows', (name, method, every) => {
    const estimator = { deer, quasiDeer }[method]();
    const { system, sequence } = make(SPECS[name]!, { steps: 28 });
    const of = (one: GradientEstimator) => {
      const run = one.start(system, createRng(1, 'unused'));
      const windows: number[][] = [];
      unroll(system, run, sequence, { every }, (gradient) => windows.push(Array.from(gradient)));
      return { windows, cost: run.cost };
    };
    const [exact, found] = [of(every === null ? bptt() : tbptt({ k1: every, k2: every })), of(estimator)];
    expect(found.windows).toHaveLength(exact.windows.length);
    expect(worst(found.windows, exact.windows)).toBeLessThan(1e-7);
    expect(found.cost.macs).toBeGreaterThan(exact.cost.macs);
  });
});

test('a linear system converges after one iteration, which the second confirms', () => {
  const system = cellSystem(influenceBalancing(), firstElement, [0.5]);
  const sequence = Array.from({ length: 30 }, () => ({ input: [], target: null }));
  const { states, iterations } = solveTrajectory(system, sequence);
  expect(iterations).toBe(2);
  expect(worst(states, inOrder(system, sequence))).toBeLessThan(1e-12);
});

test('rejects what does not converge, and models without unit blocks', async () => {
  const { system, sequence } = make(SPECS.plain!, { steps: 30 });
  const error = await rejected(async () => solveTrajectory(system, sequence, { maxIterations: 1 }));
  expect(problemOf(error, 'INVALID_DATA').problem).toMatch(/has not converged after 1 iterations/);
  const stacked = make(SPECS.stacked!);
  const wrong = await rejected(async () => solveTrajectory(stacked.system, stacked.sequence, { method: 'quasiDeer' }));
  expect(wrong.message).toMatch(/quasiDeer needs/);
});
