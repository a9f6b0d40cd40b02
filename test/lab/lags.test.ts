/** The gradient by lag, and the error of an estimator when theta changes. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import {
  bptt,
  type GradientEstimator,
  lagSpectrum,
  rtrl,
  type StepData,
  type System,
  staleness,
  tbptt,
  unroll,
  uoro,
} from '../../src/lab/index.js';
import { make, SPECS } from '../estimators/support.js';
import { rejected } from '../support/errors.js';

function emitted(estimator: GradientEstimator, system: System, sequence: readonly StepData[]): Float64Array {
  const sum = new Float64Array(system.parameters.length);
  const run = estimator.start(system, createRng(1, 'unused'));
  unroll(system, run, sequence, { every: estimator.every }, (g) => g.forEach((v, p) => void (sum[p]! += v)));
  run.reset();
  return sum;
}

const norm = (a: ArrayLike<number>): number => Math.hypot(...Array.from(a));
const cosine = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, v, p) => sum + v * b[p]!, 0) / norm(a) / norm(b);

describe('lagSpectrum', () => {
  test.each(['plain', 'stacked', 'layerNorm'])('%s: sliding TBPTT over k + 1 steps has the lags up to k', (name) => {
    const { system, sequence } = make(SPECS[name]!, { steps: 9 });
    const { norms, cosines } = lagSpectrum(system, sequence);
    const exact = emitted(bptt(), system, sequence);
    expect(norms).toHaveLength(9);
    expect(cosines.at(-1)).toBeCloseTo(1, 12);
    let before: Float64Array = new Float64Array(exact.length);
    for (const k of [0, 1, 4, 7]) {
      const own = emitted(tbptt({ k1: 1, k2: k + 1 }), system, sequence);
      expect(cosines[k]).toBeCloseTo(cosine(own, exact), 10);
      if (k <= 1) expect(norms[k]).toBeCloseTo(norm(own.map((v, p) => v - before[p]!)), 10);
      before = own;
    }
  });

  test('stops at the longest lag, which must not exceed the sequence', async () => {
    const { system, sequence } = make(SPECS.plain!, { steps: 6 });
    const all = lagSpectrum(system, sequence);
    const some = lagSpectrum(system, sequence, { longest: 2 });
    expect(some).toEqual({ norms: all.norms.slice(0, 3), cosines: all.cosines.slice(0, 3) });
    expect((await rejected(async () => lagSpectrum(system, sequence, { longest: 6 }))).message).toMatch(/^longest/);
  });
});

describe('staleness', () => {
  test('is 0 at learning rate 0, and theta is restored', () => {
    const { system, sequence } = make(SPECS.plain!, { steps: 12 });
    const before = system.parameters.slice();
    for (const estimator of [rtrl(), tbptt({ k1: 2, k2: 4 }), uoro()]) {
      const still = staleness(estimator, system, sequence, { learningRate: 0, points: 3 });
      expect(still).toHaveLength(3);
      for (const one of still) expect(one).toMatchObject({ staleness: 0, cosine: one.cosineHeld });
      expect(still.at(-1)!.step).toBe(12);
    }
    for (const one of staleness(rtrl(), system, sequence, { learningRate: 0 })) expect(one.cosine).toBeCloseTo(1, 12);
    staleness(rtrl(), system, sequence, { learningRate: 0.3 });
    expect(system.parameters).toEqual(before);
  });

  test('grows with the learning rate', () => {
    const { system, sequence } = make(SPECS.plain!, { steps: 20 });
    const at = (rate: number) => staleness(rtrl(), system, sequence, { learningRate: rate, points: 1 })[0]!;
    const [slow, fast] = [at(0.01), at(0.1)];
    expect(slow.staleness).toBeGreaterThan(0);
    expect(fast.staleness).toBeGreaterThan(3 * slow.staleness);
    expect(fast.cosineHeld).toBeCloseTo(1, 12);
    expect(fast.cosine).toBeLessThan(1);
  });
});
