/** `compare`: estimators next to the exact gradient, and its warnings. */
import { describe, expect, test } from '@jest/globals';
import { bptt, compare, pes, rtrl, tbptt, uoro } from '../../src/lab/index.js';
import { make, SPECS } from '../estimators/support.js';
import { problemOf, rejected } from '../support/errors.js';

describe('compare', () => {
  test('reports the exact estimators, their cost, and warnings', () => {
    const { model, system, sequence } = make(SPECS.plain!);
    model.parameters.set('head.weight', new Float64Array(8)); // nothing comes back into the LSTM
    const report = compare([bptt(), rtrl(), tbptt({ k1: 1, k2: 1 })], system, sequence);
    expect(report.comparisons[0]!.total).toMatchObject({
      cosine: expect.closeTo(1, 12),
      bias: 0,
      variance: 0,
      z: Number.NaN,
    });
    expect(report.warnings.join()).toMatch(/lstm\.weight_ih_l0\[i\] has no gradient/);
    expect(report.warnings.join()).toMatch(/rtrl and tbptt\(k1=1, k2=1\) do not differ on this sequence/);
    for (const { macs, floats, ms } of report.comparisons) {
      expect(macs).toBeGreaterThan(0);
      expect(floats).toBeGreaterThan(0);
      expect(ms).toBeGreaterThan(0);
    }
  });

  test('throws if the exact gradient is 0', async () => {
    const { system, sequence } = make(SPECS.plain!);
    const silent = sequence.map((data) => ({ ...data, target: null }));
    expect(problemOf(await rejected(async () => compare([rtrl()], system, silent)), 'INVALID_DATA').problem).toMatch(
      /is 0/,
    );
  });

  test('restores theta, also after estimators that perturb it', () => {
    const { system, sequence } = make(SPECS.plain!);
    const before = system.parameters.slice();
    compare([pes({ particles: 4 }), uoro()], system, sequence, { draws: 3 });
    expect(system.parameters).toEqual(before);
  });
});
