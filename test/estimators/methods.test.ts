/** Parts of single methods: the SVD and the reduction of the optimal Kronecker sum, the adaptive horizon. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { smallSvd } from '../../src/estimators/algebra/small-svd.js';
import { mixDiagonal } from '../../src/estimators/methods/kronecker-sum.js';
import {
  adaptiveTbptt,
  cellSystem,
  compare,
  type GradientEstimator,
  kfRtrl,
  ok,
  rnnCell,
  squaredErrorReadout,
} from '../../src/lab/index.js';
import { problemOf, rejected } from '../support/errors.js';
import { make, tabulated } from './support.js';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (v, i) => v * b[i]!).reduce((x, y) => x + y, 0);

describe('smallSvd', () => {
  test.each([1, 2, 5, 9])('size %d: the factors multiply to the matrix, and are orthonormal', (n) => {
    const random = createRng(n, 'svd');
    const columns = Array.from({ length: n }, () => Float64Array.from({ length: n }, () => random.normal()));
    const { U, values, V } = smallSvd(columns);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const made = values.reduce((sum, value, k) => sum + U[k]![i]! * value * V[k]![j]!, 0);
        expect(made).toBeCloseTo(columns[j]![i]!, 12);
        expect(dot(U[i]!, U[j]!)).toBeCloseTo(i === j ? 1 : 0, 12);
        expect(dot(V[i]!, V[j]!)).toBeCloseTo(i === j ? 1 : 0, 12);
      }
    }
    expect([...values].sort((a, b) => b - a)).toEqual(values);
  });

  test('known values, and a singular matrix', () => {
    const { values } = smallSvd([
      [3, 4],
      [0, 5],
    ]);
    expect(values[0]).toBeCloseTo(Math.sqrt(45), 12);
    expect(values[1]).toBeCloseTo(Math.sqrt(5), 12);
    const flat = smallSvd([
      [1, 2],
      [2, 4],
    ]);
    expect(flat.values[0]).toBeCloseTo(5, 12);
    expect(flat.values[1]).toBeCloseTo(0, 12);
    expect(smallSvd([[0]]).values).toEqual([0]);
  });
});

describe('ok', () => {
  const spec = {
    inputSize: 2,
    layers: [
      { kind: 'lstm' as const, hiddenSize: 3, bias: 'single' as const },
      { kind: 'linear' as const, size: 1 },
    ],
  };

  test.each([[[5, 1, 0.5, 0.2]], [[1, 1, 1]], [[3, 0]], [[0, 0, 0]]])('mixes diag(%j) into one column less', (d) => {
    const n = d.length;
    // Every choice of signs once: the mean is exact.
    const mean = Array.from({ length: n }, () => new Float64Array(n));
    for (let choice = 0; choice < 1 << n; choice++) {
      let bit = 0;
      const uniform = () => ((choice >> bit++) & 1 ? 0.25 : 0.75);
      const L = mixDiagonal(d, { uniform } as ReturnType<typeof createRng>);
      expect(L).toHaveLength(n - 1);
      for (const column of L) {
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) mean[i]![j]! += (column[i]! * column[j]!) / (1 << n);
      }
    }
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) expect(mean[i]![j]).toBeCloseTo(i === j ? d[i]! : 0, 12);
  });

  test('is unbiased, and varies less than kfRtrl, the less the more terms', () => {
    const { system: live, sequence } = make(spec, { steps: 5 });
    const system = tabulated(live, sequence); // each draw runs the same steps
    const totals = (estimators: GradientEstimator[], draws: number) =>
      compare(estimators, system, sequence, { draws }).comparisons.map(({ total }) => total);
    const [kf] = totals([kfRtrl()], 512); // only its variance is compared
    const [one, two] = totals([ok({ rank: 1 }), ok({ rank: 2 })], 4096);
    for (const { z, variance } of [one!, two!]) {
      expect(z).toBeLessThan(4);
      expect(variance).toBeGreaterThan(0);
    }
    expect(one!.variance).toBeLessThan(kf!.variance);
    expect(two!.variance).toBeLessThan(one!.variance);
  });

  test('with a term for each step it is exact', () => {
    const { system, sequence } = make(spec, { steps: 5 });
    const { total } = compare([ok({ rank: 5 })], system, sequence, { draws: 2 }).comparisons[0]!;
    expect(total.bias).toBeLessThan(1e-13);
    expect(total.variance).toBeLessThan(1e-26);
  });

  test('needs a term', async () => {
    expect(problemOf(await rejected(async () => ok({ rank: 0 })), 'INVALID_SETTING').problem).toBeTruthy();
  });
});

describe('adaptiveTbptt', () => {
  /** One unit with weight `w` to itself, nearly linear: gradients fall by about w a step. */
  const at = (w: number, bias: number, max = 200) => {
    const [cell, readout] = [rnnCell(1, 1), squaredErrorReadout(1, 1)];
    const theta = new Float64Array(cell.parameterCount + readout.parameterCount).fill(0.1);
    theta[1] = w;
    theta[2] = 0; // a bias would drive it where tanh is flat, and its gradients fall faster than w
    theta[cell.parameterCount] = 1;
    const system = cellSystem(cell, readout, theta);
    const sequence = Array.from({ length: 200 }, (_, t) => ({ input: [t % 3 === 0 ? 0.1 : 0.05], target: [1] }));
    const { comparisons } = compare([adaptiveTbptt({ bias, max })], system, sequence);
    const { total, macs } = comparisons[0]!;
    return { bias: total.bias, horizon: macs / (2 * theta.length) / sequence.length };
  };

  test('goes back less far if gradients decay fast, and keeps within the bias', () => {
    const found = [0.3, 0.6, 0.9].map((w) => at(w, 0.05));
    for (const { bias } of found) {
      expect(bias).toBeLessThan(0.05);
      expect(bias).toBeGreaterThan(0);
    }
    expect(found[0]!.horizon).toBeLessThan(6);
    expect(found[1]!.horizon).toBeGreaterThan(found[0]!.horizon);
    expect(found[2]!.horizon).toBeGreaterThan(2 * found[1]!.horizon);
    expect(at(0.6, 0.005).horizon).toBeGreaterThan(found[1]!.horizon);
  });

  test('goes back no further than max', () => {
    expect(at(0.9, 1e-6, 4).horizon).toBeLessThanOrEqual(4);
  });
});
