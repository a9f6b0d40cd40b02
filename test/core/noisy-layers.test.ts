/** Layers that act in training only, alone: what they compute with noise, by formula, and that they do nothing without. */
import { describe, expect, test } from '@jest/globals';
import { ActivityTape } from '../../src/core/layers/activity.js';
import { RowDropout } from '../../src/core/layers/embedding-dropout.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { expectClose } from '../support/golden.js';
import { testRandom } from '../support/random.js';

const k = createReference('float64');
const NOISE = { seed: 3, update: 1 };
const filled = (rows: number, cols: number, numbers: ArrayLike<number>) => {
  const matrix = k.alloc(rows, cols);
  k.upload(matrix, numbers);
  return matrix;
};
const values = (matrix: ReturnType<typeof filled>): number[] => Array.from(k.host(matrix)!);

describe('activity', () => {
  const [T, N, C] = [3, 2, 4];
  const random = testRandom(3);
  const [x, dx] = [random.normals(T * N * C), random.normals(T * N * C)];

  const make = (spec: object, noise: object | null, steps = T) => {
    const rows = steps * N;
    const input = { x: filled(rows, C, x.slice(0, rows * C)), dx: filled(rows, C, dx.slice(0, rows * C)), steps };
    const context = { kernels: k, pass: { noise } };
    const tape = new ActivityTape(context as never, 'activity', { kind: 'activity', ...spec } as never, input as never);
    tape.forward();
    tape.backward();
    return { penalty: tape.penalty(), x: values(input.x), dx: values(input.dx) };
  };
  const ofDifferences = (count: number, visit: (later: number, earlier: number) => void): void => {
    for (let i = 0; i < count; i++) visit(i + N * C, i);
  };

  test.each([{ alpha: 0.3 }, { beta: 0.7 }, { alpha: 0.3, beta: 0.7 }])(
    '%j: the penalty is alpha mean x^2 + beta mean (x_t - x_t-1)^2, with its gradient',
    async ({ alpha = 0, beta = 0 }) => {
      const found = make({ alpha, beta }, NOISE);
      const pairs = (T - 1) * N * C;
      let tar = 0;
      const expected = Array.from(dx, (d, i) => d + (2 * alpha * x[i]!) / x.length);
      ofDifferences(pairs, (later, earlier) => {
        const difference = x[later]! - x[earlier]!;
        tar += difference ** 2 / pairs;
        expected[later]! += (2 * beta * difference) / pairs;
        expected[earlier]! -= (2 * beta * difference) / pairs;
      });
      const ar = Array.from(x).reduce((sum, v) => sum + v * v, 0) / x.length;
      expect(await found.penalty).toBeCloseTo(alpha * ar + beta * tar, 12);
      expectClose('dx', Float64Array.from(found.dx), expected, 1e-12);
      expect(found.x).toEqual(Array.from(x));
    },
  );

  test('one step has no differences, and without noise it adds nothing', async () => {
    const one = make({ alpha: 0.3, beta: 0.7 }, NOISE, 1);
    const first = Array.from(x.slice(0, N * C));
    expect(await one.penalty).toBeCloseTo((0.3 * first.reduce((sum, v) => sum + v * v, 0)) / first.length, 12);
    const none = make({ alpha: 0.3, beta: 0.7 }, null);
    expect([await none.penalty, none.dx]).toEqual([null, Array.from(dx)]);
  });
});

test('embedding dropout: all rows of a token are dropped or scaled together, forward and backward; without noise, none is', () => {
  const [size, width, rate] = [40, 3, 0.4];
  const ids = Int32Array.from({ length: 80 }, (_, i) => (7 * i) % size);
  const run = (noise: object | null) => {
    const context = { kernels: k, pass: { noise } };
    const dropout = new RowDropout(context as never, 'embedding', { size, width, dropout: rate } as never, ids);
    const [y, dy] = [
      filled(80, width, new Array(80 * width).fill(1)),
      filled(80, width, new Array(80 * width).fill(2)),
    ];
    dropout.forward(y);
    dropout.backward(dy);
    return [values(y), values(dy)] as const;
  };
  const [y, dy] = run(NOISE);
  const kept = new Map<number, number>();
  for (const [row, id] of ids.entries()) {
    const factor = y[row * width]!;
    expect([0, 1 / (1 - rate)]).toContain(factor);
    expect(y.slice(row * width, (row + 1) * width)).toEqual([factor, factor, factor]);
    expect(dy.slice(row * width, (row + 1) * width)).toEqual([2 * factor, 2 * factor, 2 * factor]);
    expect(kept.get(id) ?? factor).toBe(factor);
    kept.set(id, factor);
  }
  expect(new Set(kept.values()).size).toBe(2);
  expect(run({ ...NOISE, update: 2 })[0]).not.toEqual(y);
  expect(run(null)).toEqual([new Array(80 * width).fill(1), new Array(80 * width).fill(2)]);
});
