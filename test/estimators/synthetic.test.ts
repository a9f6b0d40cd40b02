/** Synthetic gradients: TBPTT at first, then closer to the exact gradient. */
import { expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { bptt, type GradientEstimator, syntheticGradients, tbptt, unroll } from '../../src/lab/index.js';
import { make, SPECS } from './support.js';

const STEPS = 600;
const K = 2;

function emissions(estimator: GradientEstimator, rows = 1) {
  const { system, sequence } = make(SPECS.plain!, { steps: STEPS, batchSize: rows });
  const run = estimator.start(system, createRng(1, 'unused'));
  const found: Float64Array[] = [];
  unroll(system, run, sequence, { every: estimator.every }, (gradient) => found.push(Float64Array.from(gradient)));
  return { found, learned: run.learned };
}

const summed = (gradients: readonly Float64Array[]): Float64Array =>
  gradients.reduce((sum, one) => sum.map((v, i) => v + one[i]!));

const off = (a: Float64Array, b: Float64Array): number => Math.hypot(...a.map((v, i) => v - b[i]!)) / Math.hypot(...b);

test.each([1, 3])('at rate 0 it is TBPTT, with %i sequences', (rows) => {
  const [cut, guessed] = [
    emissions(tbptt({ k1: K, k2: K }), rows),
    emissions(syntheticGradients({ k: K, rate: 0 }), rows),
  ];
  expect(guessed.found).toEqual(cut.found);
  expect(guessed.learned!.every((v) => v === 0)).toBe(true);
});

test('the first window is TBPTT, the later ones are closer to the exact gradient', () => {
  const [cut, guessed] = [emissions(tbptt({ k1: K, k2: K })), emissions(syntheticGradients({ k: K }))];
  expect(guessed.found[0]).toEqual(cut.found[0]);
  const exact = summed(emissions(bptt()).found);
  expect(off(summed(guessed.found), exact)).toBeLessThan(0.8 * off(summed(cut.found), exact));
});

test('a learned initial state trains the prediction as the same given state does, and gets its gradient', () => {
  const spec: ModelSpec = {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 4, initialState: 'learned' },
      { kind: 'linear', size: 2 },
    ],
  };
  const one = (given: boolean) => {
    const { model, system, sequence } = make(spec, { steps: K });
    const { entries } = model.parameters.layout;
    for (const { name, offset, shape } of entries.filter(({ name }) => /_?[hc]0/.test(name))) {
      for (let j = 0; j < shape.at(-1)!; j++) system.parameters[offset + j] = Math.sin(offset + j);
      expect(name).toMatch(/^lstm/);
    }
    system.changed();
    const run = syntheticGradients({ k: K, rate: 0.5 }).start(system, createRng(1, 'unused'));
    let gradient = new Float64Array(0);
    unroll(system, run, sequence, { every: K, ...(given ? { state: system.initial() } : {}) }, (emitted) => {
      gradient = Float64Array.from(emitted);
    });
    return { learned: run.learned!, gradient };
  };
  const [trained, given] = [one(false), one(true)];
  expect(trained.learned).toEqual(given.learned);
  expect(trained.learned.some((v) => v !== 0)).toBe(true);
  expect(trained.gradient.filter((v, p) => v !== given.gradient[p])).toHaveLength(4 + 4);
});
