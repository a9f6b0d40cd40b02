/** Synthetic gradients: TBPTT until something is learnt, then nearer to the exact gradient. */
import { beforeAll, expect, test } from '@jest/globals';
import { loadForms } from '../../src/core/lstm/forms.js';
import { createRng } from '../../src/core/rng.js';
import { bptt, type GradientEstimator, syntheticGradients, tbptt, unroll } from '../../src/lab/index.js';
import { make, SPECS } from './support.js';

beforeAll(loadForms);

const STEPS = 600;
const K = 2;

function emissions(estimator: GradientEstimator, rows = 1) {
  const { system, sequence } = make(SPECS.plain!, { steps: STEPS, rows });
  const run = estimator.start(system, createRng(1, 'unused'));
  const found: Float64Array[] = [];
  unroll(system, run, sequence, { every: estimator.every }, (gradient) => found.push(Float64Array.from(gradient)));
  return { found, learned: run.learned };
}

const summed = (gradients: readonly Float64Array[]): Float64Array =>
  gradients.reduce((sum, one) => sum.map((v, i) => v + one[i]!));

const off = (a: Float64Array, b: Float64Array): number => Math.hypot(...a.map((v, i) => v - b[i]!)) / Math.hypot(...b);

test.each([1, 3])('without a rate it is TBPTT, with %i rows', (rows) => {
  const [cut, guessed] = [
    emissions(tbptt({ k1: K, k2: K }), rows),
    emissions(syntheticGradients({ k: K, rate: 0 }), rows),
  ];
  expect(guessed.found).toEqual(cut.found);
  expect(guessed.learned!.every((v) => v === 0)).toBe(true);
});

test('the first window is cut, the later ones are nearer to the exact gradient, once the guess has been learnt', () => {
  const [cut, guessed] = [emissions(tbptt({ k1: K, k2: K })), emissions(syntheticGradients({ k: K }))];
  expect(guessed.found[0]).toEqual(cut.found[0]);
  const exact = summed(emissions(bptt()).found);
  expect(off(summed(guessed.found), exact)).toBeLessThan(0.8 * off(summed(cut.found), exact));
});
