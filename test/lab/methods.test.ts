/** Methods with parts of their own to test: the optimal Kronecker sum. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadForms } from '../../src/core/lstm/forms.js';
import { createRng } from '../../src/core/rng.js';
import { mixDiagonal } from '../../src/estimators/kronecker-sum.js';
import { smallSvd } from '../../src/estimators/small-svd.js';
import { compare, kfRtrl, ok } from '../../src/lab/index.js';
import { problemOf, rejected } from '../support/errors.js';
import { make } from './support.js';

beforeAll(loadForms);

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (v, i) => v * b[i]!).reduce((x, y) => x + y, 0);

describe('smallSvd', () => {
  test.each([1, 2, 5, 9])('%d by that: the factors make the matrix, and are orthonormal', (n) => {
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

  test('known values, and those of a matrix that is singular', () => {
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
    const { system, sequence } = make(spec, { steps: 5 });
    const { comparisons } = compare([kfRtrl(), ok({ rank: 1 }), ok({ rank: 2 })], system, sequence, { draws: 4096 });
    const [kf, one, two] = comparisons.map(({ total }) => total);
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
