/** The benchmarks' statistics, and the detection of engines with wrong results. */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

/** The value of an expression over the benchmarks' modules. */
function evaluated(expression: string): unknown {
  const program = `
    import * as s from './bench/statistics.mjs';
    import { compare } from './bench/peers/agreement.mjs';
    import { neutral, torchSettings } from './bench/peers/environment.mjs';
    import { referenceBlas, torchVersion } from './bench/peers/runtimes.mjs';
    console.log(JSON.stringify(${expression}));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return JSON.parse(printed);
}

describe('statistics', () => {
  test('quantiles are interpolated linearly, in any order of the values', () => {
    const cases = '[[[4, 1, 3, 2], 0.25], [[4, 1, 3, 2], 0.9], [[10, 9, 100], 0.5], [[7], 0.3], [[2, 1], 1]]';
    const quantiles = evaluated(`${cases}.map(([values, p]) => s.quantile(values, p))`) as number[];
    [1.75, 3.7, 10, 7, 2].forEach((value, i) => {
      expect(quantiles[i]).toBeCloseTo(value, 12);
    });
  });

  test('a summary holds the median and the quartiles, and does not change the values', () => {
    const [summary, values] = evaluated('((v) => [s.summary(v), v])([8, 1, 2, 5, 3])') as [object, number[]];
    expect(summary).toEqual({ median: 3, low: 2, high: 5 });
    expect(values).toEqual([8, 1, 2, 5, 3]);
  });

  test('a ratio is computed per round, over the rounds that both took part in', () => {
    // A machine that is ten times slower in the second round changes both sides, but not the ratio.
    expect(evaluated('s.pairedRatio([2, 20, 2, 9], [1, 10, 1, undefined])')).toEqual({ median: 2, low: 2, high: 2 });
    expect(evaluated('s.pairedRatio([2, undefined], [undefined, 3])')).toBeNull();
  });
});

describe('agreement with the reference', () => {
  const losses = [[0.5], [0.49], [0.48]];
  const check = (kind: string, expected: unknown, results: unknown) =>
    evaluated(`compare(${JSON.stringify(kind)}, ${JSON.stringify(expected)}, ${JSON.stringify(results)})`);

  test('float32 results agree', () => {
    expect(check('train', losses, [[0.500001], [0.490002], [0.480001]])).toMatchObject({ agrees: true });
    expect(
      check(
        'stream',
        [
          [1, 2],
          [3, 4],
        ],
        [
          [1, 2.00001],
          [3, 4],
        ],
      ),
    ).toMatchObject({ agrees: true });
  });

  test('a gradient that is 2% too small is detected, although no loss is off by a thousandth', () => {
    const small = losses.map(([loss]) => [0.5 + 0.98 * (loss! - 0.5)]);
    expect(check('train', losses, small)).toMatchObject({ agrees: false, error: expect.closeTo(0.02, 6) });
  });

  test('an output with permuted elements is detected', () => {
    expect(
      check(
        'sequence',
        [
          [1, 2, 3],
          [1, 2, 3],
        ],
        [
          [2, 1, 3],
          [2, 1, 3],
        ],
      ),
    ).toMatchObject({ agrees: false });
  });

  test('a single result is not enough to agree', () => {
    expect(check('train', losses, [[0.5]])).toMatchObject({ agrees: false });
  });
});

describe('the conditions of native engines', () => {
  test('the shell cannot limit a library: its settings are removed, and threads are set', () => {
    const shell = {
      OPENBLAS_CORETYPE: 'Haswell',
      OPENBLAS_L2_SIZE: '512',
      MKL_NUM_THREADS: '1',
      OMP_WAIT_POLICY: 'PASSIVE',
      ATEN_CPU_CAPABILITY: 'default',
      PATH: '/bin',
      LD_LIBRARY_PATH: '/lib',
    };
    const [env, passive, active] = evaluated(
      `[neutral(${JSON.stringify(shell)}), torchSettings({ threads: 1 }), torchSettings({ threads: 2, waiting: 'active' })]`,
    ) as Record<string, string>[];
    expect(env).toEqual({ PATH: '/bin', LD_LIBRARY_PATH: '/lib' });
    expect(passive).toMatchObject({ OPENBLAS_NUM_THREADS: '1', OMP_WAIT_POLICY: 'PASSIVE' });
    expect(active).toMatchObject({ OMP_NUM_THREADS: '2', OMP_WAIT_POLICY: 'ACTIVE' });
  });

  test('the report names the BLAS with its kernel, and the reference BLAS is refused with what to install', () => {
    const about = {
      python: '3.11.2',
      torch: '1.13.0',
      capability: 'AVX2',
      blas: { name: 'OpenBLAS 0.3.21', kernel: 'Zen' },
    };
    const [version, refusal] = evaluated(
      `[torchVersion(${JSON.stringify(about)}), referenceBlas('/usr/bin/python3', { path: '/usr/lib/libblas.so.3' })]`,
    ) as string[];
    expect(version).toBe('Python 3.11.2, PyTorch 1.13.0 (AVX2) with OpenBLAS 0.3.21, kernel Zen');
    expect(refusal).toMatch(/reference BLAS \(\/usr\/lib\/libblas\.so\.3\).* apt-get install libopenblas0/);
  });
});
