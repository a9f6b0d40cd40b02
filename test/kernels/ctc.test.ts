/** The scaled recursion of CTC, against the one with logarithms. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CtcTargets } from '../../src/contract/kernels.js';
import { ctcLoss } from '../../src/kernels/shared/ctc.js';
import { solveScaled } from '../../src/kernels/shared/scaled-ctc.js';

interface Both {
  readonly losses: readonly [number, number];
  readonly gradients: readonly [Float64Array, Float64Array];
}

function both(z: Float64Array, C: number, targets: CtcTargets): Both {
  const gradients = [new Float64Array(z.length), new Float64Array(z.length)] as const;
  const losses = [ctcLoss(gradients[0], z, C, targets), ctcLoss(gradients[1], z, C, targets, solveScaled)] as const;
  return { losses, gradients };
}

function expectSame({ losses: [logs, scaled], gradients: [a, b] }: Both): void {
  if (Number.isFinite(logs)) expect(Math.abs(scaled - logs)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(logs)));
  else expect(scaled).toBe(logs);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
  if (Number.isFinite(logs)) expect(worst).toBeLessThan(1e-9);
}

const settings = { blank: 0, reduction: 'sum', zeroInfinity: false } as const;

test('random logits, labels and lengths', () => {
  const shape = fc.record({
    T: fc.integer({ min: 1, max: 14 }),
    N: fc.integer({ min: 1, max: 3 }),
    C: fc.integer({ min: 2, max: 5 }),
    S: fc.integer({ min: 0, max: 6 }),
    size: fc.constantFrom(0.1, 3, 40, 900),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(shape, ({ T, N, C, S, size, seed }) => {
      let state = seed >>> 0;
      const uniform = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      const z = Float64Array.from({ length: T * N * C }, () => size * (2 * uniform() - 1));
      const labels = Int32Array.from({ length: N * S }, () =>
        uniform() < 0.1 ? -1 : 1 + Math.floor(uniform() * (C - 1)),
      );
      const lengths = Int32Array.from({ length: N }, () => 1 + Math.floor(uniform() * T));
      expectSame(both(z, C, { ...settings, steps: T, batchSize: N, labels, lengths }));
    }),
    { numRuns: 300 },
  );
});

test('paths whose probabilities are below the smallest double', () => {
  const [T, C, S] = [60, 3, 20];
  // Blanks have a probability of almost 1, so each of the 20 labels costs a factor of e^-50.
  const z = Float64Array.from({ length: T * C }, (_, i) => (i % C === 0 ? 50 : 0.1 * Math.sin(i)));
  const labels = Int32Array.from({ length: S }, (_, s) => 1 + (s % 2));
  const results = both(z, C, { ...settings, steps: T, batchSize: 1, labels, lengths: Int32Array.of(T) });
  expect(results.losses[0]).toBeGreaterThan(900);
  expectSame(results);
});
