/** Storage plans: their cost, their optimality, and gradients that are bit-identical to those of bptt. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRng } from '../../src/core/rng.js';
import {
  bptt,
  type CheckpointOptions,
  checkpointed,
  everySegment,
  type GradientEstimator,
  keepAll,
  optimalPlan,
  planCost,
  type StepData,
  type System,
  unroll,
} from '../../src/lab/index.js';
import { rejected } from '../support/errors.js';
import { make, SPECS } from './support.js';

function gradientOf(estimator: GradientEstimator, system: System, sequence: readonly StepData[], state?: Float64Array) {
  const run = estimator.start(system, createRng(1, 'x'));
  let found = new Float64Array(0);
  unroll(system, run, sequence, state ? { state } : {}, (gradient) => {
    found = Float64Array.from(gradient);
  });
  const { floats } = run.cost;
  run.reset();
  return { found, floats };
}

describe('plans', () => {
  test('all entries, and segments', () => {
    expect(planCost(keepAll(7))).toEqual({ forwards: 7, peak: 21 });
    // 0..1 | 2..6 | 7..11: the last is run once, beside the state before step 2.
    expect(planCost(everySegment(12, 5))).toEqual({ forwards: 12 + 7, peak: 1 + 3 * 5 });
    expect(planCost(everySegment(1000, 17)).forwards).toBe(1983);
  });

  test('an inconsistent plan is rejected at its first wrong order', async () => {
    const broken = {
      name: 'x',
      steps: 2,
      orders: [
        { kind: 'Tape' as const, t: 0 },
        { kind: 'Backward' as const, t: 0 },
      ],
    };
    expect((await rejected(async () => planCost(broken))).message).toMatch(
      /order 1 of the plan: goes back through step 0, but step 1 is next/,
    );
  });
});

describe('optimal plans', () => {
  test.each([
    [300, 1899],
    [150, 1949],
    [90, 1979],
    [60, 2347],
    [30, 2822],
    [15, 3644],
  ])('1000 steps with memory for %i states: %i forward steps', (budget, forwards) => {
    const cost = planCost(optimalPlan(1000, budget));
    expect(cost.forwards).toBe(forwards);
    expect(cost.peak).toBeLessThanOrEqual(budget + 3);
  });

  test('1000 steps, an entry as large as a state, 50 slots: 1949; Revolve with 50 states, the first among them: 2948', () => {
    expect(planCost(optimalPlan(1000, 50, { entryCost: 1 }), 1).forwards).toBe(1949);
    expect(planCost(optimalPlan(1000, 49, { entries: false })).forwards).toBe(2948);
  });

  test('every plan keeps within its memory, and more memory never costs more steps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        fc.boolean(),
        (steps, budget, entries) => {
          const cost = planCost(optimalPlan(steps, budget, { entries }));
          expect(cost.peak).toBeLessThanOrEqual(budget + 3);
          expect(cost.forwards).toBeGreaterThanOrEqual(steps);
          expect(planCost(optimalPlan(steps, budget + 1, { entries })).forwards).toBeLessThanOrEqual(cost.forwards);
        },
      ),
    );
  });

  test('equals exhaustive search on short sequences', () => {
    /** The fewest forward steps, by exhaustive search. */
    const memo = new Map<string, number>();
    const best = (n: number, m: number): number => {
      if (n === 0) return 0;
      if (m < 3) return Number.POSITIVE_INFINITY;
      const key = `${n} ${m}`;
      if (!memo.has(key)) {
        let least = m >= 3 * n ? n : (n * (n + 1)) / 2;
        for (let y = 1; y < n; y++) {
          least = Math.min(least, y + best(n - y, m - 1) + best(y, m), y + best(n - y, m - 3) + best(y - 1, m));
        }
        memo.set(key, least);
      }
      return memo.get(key)!;
    };
    for (let n = 1; n <= 14; n++) {
      for (let budget = 0; budget <= 20; budget++)
        expect(planCost(optimalPlan(n, budget)).forwards).toBe(best(n, budget + 3));
    }
  });
});

describe.each(['plain', 'stacked', 'layerNorm', 'tokens'])('%s: bit-identical to bptt', (name) => {
  const STEPS = 23;
  const OPTIONS: readonly CheckpointOptions[] = [
    { steps: STEPS, memory: 0.1 },
    { steps: STEPS, memory: 1 },
    { steps: STEPS, segment: 4 },
    { steps: STEPS, policy: 'sqrt' },
    { steps: STEPS, policy: 'optimal', slots: 6 },
    { steps: STEPS, policy: 'revolve', slots: 3 },
    { steps: STEPS, plan: keepAll(STEPS) },
  ];
  test.each(OPTIONS.map((options) => [checkpointed(options).name, options] as const))('%s', (_name, options) => {
    const { system, sequence } = make(SPECS[name]!, { batchSize: 2, steps: STEPS });
    const exact = gradientOf(bptt(), system, sequence);
    const estimator = checkpointed(options);
    const { found, floats } = gradientOf(estimator, system, sequence);
    expect(found).toEqual(exact.found);
    if ('memory' in options && options.memory < 1) expect(floats).toBeLessThan(0.25 * exact.floats);
    // From another state, too.
    const state = Float64Array.from({ length: 2 * system.stateSize }, (_, i) => Math.sin(i) / 2);
    const from = (of: GradientEstimator) => gradientOf(of, system, sequence, state).found;
    expect(from(estimator)).toEqual(from(bptt()));
    expect(from(bptt())).not.toEqual(exact.found);
    // Once more on the same run's memory.
    expect(gradientOf(estimator, system, sequence).found).toEqual(exact.found);
  });
});

test('rejects a sequence that is shorter or longer than the plan', async () => {
  const { system, sequence } = make(SPECS.plain!, { steps: 5 });
  const run = (steps: number) =>
    rejected(async () => gradientOf(checkpointed({ steps, policy: 'sqrt' }), system, sequence));
  expect((await run(6)).message).toMatch(/steps must be the length of the sequence, which is 5, got 6/);
  expect((await run(4)).message).toMatch(/steps must be the length of the sequence, which is more than 4/);
});
