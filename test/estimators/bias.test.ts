/** The mean of an estimator's draws: equal to the exact gradient where it is unbiased, different where it is biased. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { firstElement, influenceBalancing } from '../../src/estimators/cells/linear.js';
import {
  artbp,
  bptt,
  cellSystem,
  compare,
  eprop,
  evolution,
  forwardGradient,
  hDetach,
  kfRtrl,
  pes,
  randomizedTelescope,
  rflo,
  snap,
  tbptt,
  unroll,
  uoro,
} from '../../src/lab/index.js';
import { expectClose } from '../support/golden.js';
import { make as makeSystem, tabulated } from './support.js';

const spec = {
  inputSize: 2,
  layers: [
    { kind: 'lstm' as const, hiddenSize: 3, bias: 'single' as const },
    { kind: 'linear' as const, size: 1 },
  ],
};
const DRAWS = 4096;

/** A system and a sequence with the numbers of the engine, in tables, because each draw runs the same steps. */
function make(of: typeof spec, options: { readonly steps: number }) {
  const { system, sequence } = makeSystem(of, options);
  return { system: tabulated(system, sequence), sequence };
}

test('the tables have the gradient of the system itself', () => {
  const { system, sequence } = makeSystem(spec, { steps: 5 });
  const gradients = [system, tabulated(system, sequence)].map((of) => {
    const found: number[] = [];
    unroll(of, bptt().start(of, createRng(1, 'x')), sequence, {}, (gradient) => found.push(...gradient));
    return found;
  });
  expectClose('gradient', gradients[1]!, gradients[0]!, 1e-12);
});

describe('in the mean', () => {
  test.each([artbp({ cut: 0.2 }), randomizedTelescope({ keep: 0.7 }), uoro(), kfRtrl(), forwardGradient()])(
    '$name is unbiased: |z| < 4, and the error of the mean falls with the root of the draws',
    (estimator) => {
      const { system, sequence } = make(spec, { steps: 5 });
      const { comparisons } = compare([estimator], system, sequence, { draws: DRAWS });
      const { total, errorOfMean, unbiased } = comparisons[0]!;
      expect(unbiased).toBe(true);
      expect(total.variance).toBeGreaterThan(0);
      expect(total.z).toBeLessThan(4);
      const points = errorOfMean
        .filter(({ draws }) => draws >= 8)
        .map(({ draws, error }) => [Math.log(draws), Math.log(error)] as const);
      const mean = (pick: 0 | 1) => points.reduce((sum, p) => sum + p[pick], 0) / points.length;
      const [x, y] = [mean(0), mean(1)];
      const slope =
        points.reduce((s, [a, b]) => s + (a - x) * (b - y), 0) / points.reduce((s, [a]) => s + (a - x) ** 2, 0);
      expect(slope).toBeGreaterThan(-0.85);
      expect(slope).toBeLessThan(-0.25);
    },
  );

  test('the unbiased ones are so over several windows, too', () => {
    const { system, sequence } = make(spec, { steps: 6 });
    for (const estimator of [uoro(), kfRtrl(), forwardGradient()]) {
      const { comparisons } = compare([estimator], system, sequence, { draws: DRAWS, every: 2 });
      expect(comparisons[0]!.total.z).toBeLessThan(4);
    }
  });

  test.each([tbptt({ k1: 1, k2: 2 }), snap({ n: 1 }), eprop(), rflo(), hDetach({ rate: 0.5 })])(
    '$name is biased',
    (estimator) => {
      const { system, sequence } = make(spec, { steps: 5 });
      const { total, unbiased } = compare([estimator], system, sequence, { draws: 1024 }).comparisons[0]!;
      expect(unbiased).toBe(false);
      expect(total.bias).toBeGreaterThan(1e-3);
      expect(total.z).toBeGreaterThan(4);
      if (estimator.stochastic) expect(total.biasInterval[0]).toBeGreaterThan(1e-3);
    },
  );

  test('pes has no bias but that of its smoothing; plain ES over windows has', () => {
    const system = cellSystem(influenceBalancing(), firstElement, [0.5]);
    const sequence = Array.from({ length: 40 }, () => ({ input: [], target: [1] }));
    const options = { particles: 20, sigma: 0.01 };
    const { comparisons } = compare([pes(options), evolution(options)], system, sequence, { draws: 256, every: 1 });
    const [persistent, plain] = comparisons;
    expect(persistent!.total.z).toBeLessThan(4);
    expect(plain!.total.z).toBeGreaterThan(4);
  });
});
