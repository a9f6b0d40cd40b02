/** The figures of `compare` and `staleness` against their definitions, and what all analyses do with states, weights and steps. */
import { describe, expect, jest, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import {
  bptt,
  cellSystem,
  compare,
  type GradientEstimator,
  gradientsByStep,
  lagSpectrum,
  lyapunovExponents,
  rnnCell,
  rtrl,
  type StepData,
  type System,
  squaredErrorReadout,
  staleness,
  stateJacobians,
  tbptt,
  unroll,
  uoro,
} from '../../src/lab/index.js';
import { make, SPECS } from '../estimators/support.js';
import { thrown } from '../support/errors.js';

const [D, H, T] = [2, 3, 7];
const P = H * (D + H + 1) + H + 1;

/** A plain RNN that counts the steps it has run and those that were released. */
function counting(): { system: System; counts: { made: number; released: number } } {
  const random = createRng(4, 'weights');
  const theta = Float64Array.from({ length: P }, () => random.normal());
  const system = cellSystem(rnnCell(D, H), squaredErrorReadout(H, 1), theta);
  const counts = { made: 0, released: 0 };
  const step: System['step'] = (state, data) => {
    counts.made++;
    const own = system.step(state, data);
    return Object.assign(own, { release: () => counts.released++ });
  };
  return { system: { ...system, step }, counts };
}
const sequence: readonly StepData[] = Array.from({ length: T }, (_, t) => ({
  input: [Math.sin(t), 1],
  target: t % 3 === 1 ? null : [Math.cos(t)],
}));

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);
const size = (a: ArrayLike<number>) => Math.sqrt(dot(a, a));
const minus = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (v, i) => v - b[i]!);

/** The emissions of an estimator, at a rate of learning after each. */
function emissions(
  one: GradientEstimator,
  system: System,
  steps: readonly StepData[],
  {
    random = createRng(1, 'unused'),
    every = null as number | null,
    rate = 0,
    state = undefined as number[] | undefined,
  },
): number[][] {
  const all: number[][] = [];
  const run = one.start(system, random);
  unroll(system, run, steps, { every, ...(state && { state }) }, (gradient) => {
    all.push([...gradient]);
    for (let p = 0; p < P; p++) system.parameters[p]! -= rate * gradient[p]!;
  });
  run.reset();
  return all;
}

describe('compare', () => {
  const DRAWS = 11;
  const state = [0.3, -0.2, 0.1];
  const { system } = counting();
  const several = {
    ...system,
    blocks: [
      {
        name: 'two ranges',
        ranges: [
          [1, 4],
          [9, 12],
        ] as const,
      },
      ...system.blocks,
    ],
  };
  const report = compare([bptt(), uoro()], several, sequence, { draws: DRAWS, seed: 3, state });
  const exact = emissions(bptt(), system, sequence, { state })[0]!;
  const random = createRng(3, 'uoro');
  const draws = Array.from({ length: DRAWS }, () => emissions(uoro(), system, sequence, { random, state })[0]!);

  const meanOf = (list: readonly number[][]) =>
    exact.map((_, p) => list.reduce((sum, g) => sum + g[p]!, 0) / list.length);
  /** The figures of the elements that `take` takes of a vector. */
  const figures = (take: (values: number[]) => number[]) => {
    const [mean, g] = [take(meanOf(draws)), take(exact)];
    const squares = draws.reduce((sum, draw) => sum + size(minus(take(draw), mean)) ** 2, 0);
    const variance = squares / (DRAWS - 1) / size(g) ** 2;
    const bias = size(minus(mean, g)) / size(g);
    return {
      cosine: expect.closeTo(dot(mean, g) / size(mean) / size(g), 10),
      normRatio: expect.closeTo(size(mean) / size(g), 10),
      bias: expect.closeTo(bias, 10),
      variance: expect.closeTo(variance, 8),
      z: expect.closeTo(bias / Math.sqrt(variance / DRAWS), 8),
    };
  };

  test('mean, variance and z of all parameters, and of a block with two ranges', () => {
    const { total, blocks, ...rest } = report.comparisons[1]!;
    expect(total).toMatchObject({ block: 'all', ...figures((values) => values) });
    expect(blocks.map(({ block }) => block)).toEqual(['two ranges', 'cell', 'readout']);
    expect(blocks[0]).toMatchObject(figures((values) => [...values.slice(1, 4), ...values.slice(9, 12)]));
    expect(blocks[1]).toMatchObject(figures((values) => values.slice(0, P - H - 1)));
    expect(rest).toMatchObject({ name: 'uoro', unbiased: true, stochastic: true, draws: DRAWS, macs: T * 7 * P });
    expect(rest.floats).toBe(3 * P + H);
    expect(report.exactNorm).toBeCloseTo(size(exact), 12);
    expect(report.loss).toBeCloseTo(
      unroll(system, bptt().start(system, random), sequence, { state }, () => {}).loss,
      12,
    );
  });

  test('the error of the mean of 1, 2, 4, ... draws', () => {
    const errorOf = (n: number) => size(minus(meanOf(draws.slice(0, n)), exact)) / size(exact);
    expect(report.comparisons[1]!.errorOfMean).toEqual(
      [1, 2, 4, 8].map((n) => ({ draws: n, error: expect.closeTo(errorOf(n), 10) })),
    );
    expect(report.comparisons[0]!.errorOfMean).toEqual([{ draws: 1, error: 0 }]);
  });

  test('an exact estimator has one draw, no bias and no variance', () => {
    const { total, draws } = report.comparisons[0]!;
    expect(draws).toBe(1);
    expect(total).toMatchObject({ normRatio: 1, bias: 0, biasInterval: [0, 0], variance: 0, z: Number.NaN });
  });

  test('`every` is for all estimators; the defaults are 256 draws, seed 1 and the estimator of each', () => {
    const other = compare([rtrl()], system, sequence, { every: 2, state: [0, 0, 0] });
    expect(other.comparisons[0]!.total.bias).toBeLessThan(1e-12);
    const cut = compare([tbptt({ k1: 1, k2: 1 })], system, sequence);
    const own = emissions(tbptt({ k1: 1, k2: 1 }), system, sequence, { every: 1 });
    const whole = emissions(bptt(), system, sequence, {})[0]!;
    const sum = whole.map((_, p) => own.reduce((total, g) => total + g[p]!, 0));
    expect(cut.comparisons[0]!.total.bias).toBeCloseTo(size(minus(sum, whole)) / size(whole), 12);
    const [first, named] = [{}, { draws: 256, seed: 1, confidence: 0.95 }].map(
      (options) => compare([uoro()], system, sequence.slice(0, 2), options).comparisons[0]!,
    );
    expect(first!.draws).toBe(256);
    expect(first!.total).toEqual(named!.total);
  });

  test('a gradient that is not finite is refused, and estimators that are not a list', () => {
    const huge = [{ input: [1, 1], target: [1e300] }];
    expect(thrown(() => compare([bptt()], system, huge)).message).toMatch(/^the exact gradient is not finite/);
    expect(thrown(() => compare(bptt() as never, system, sequence)).message).toMatch(/^estimators must be a list, got/);
    expect(thrown(() => compare([bptt()], system, sequence, null as never)).code).toBe('INVALID_SETTING');
    expect(thrown(() => compare([bptt()], system, sequence, { state: [1] })).code).toBe('SHAPE_MISMATCH');
    const set = new Set(sequence) as never;
    expect(thrown(() => compare([bptt()], system, set)).message).toMatch(/^sequence must be a list of steps/);
  });

  test('the time of a draw is the median', () => {
    const times = [100, 105, 200, 201, 300, 303, 400, 409, 500, 502];
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => times.shift()!);
    try {
      expect(compare([uoro()], system, sequence, { draws: 5 }).comparisons[0]!.ms).toBe(3); // of 5, 1, 3, 9, 2
    } finally {
      clock.mockRestore();
    }
  });
});

describe('staleness', () => {
  test('at each emission: the online gradient, that of constant theta, and the exact one', () => {
    const [every, rate] = [2, 0.2];
    const { system } = counting();
    const before = system.parameters.slice();
    const points = staleness(rtrl(), system, sequence, { learningRate: rate, every });
    expect(points.map(({ step }) => step)).toEqual([2, 4, 6, 7]);
    const online = emissions(rtrl(), system, sequence, { every, rate });
    for (const [i, { step, staleness, cosine, cosineHeld }] of points.entries()) {
      system.parameters.set(before);
      for (const g of online.slice(0, i)) for (let p = 0; p < P; p++) system.parameters[p]! -= rate * g[p]!;
      const held = emissions(rtrl(), system, sequence.slice(0, step), { every }).at(-1)!;
      const past = sequence.slice(0, step).map((data, t) => (t < i * every ? { ...data, target: null } : data));
      const exact = emissions(bptt(), system, past, {})[0]!;
      const g = online[i]!;
      expect(staleness).toBeCloseTo(size(minus(g, held)) / size(held), 10);
      expect(cosine).toBeCloseTo(dot(g, exact) / size(g) / size(exact), 10);
      expect(cosineHeld).toBeCloseTo(dot(held, exact) / size(held) / size(exact), 10);
    }
    expect(points[0]!.staleness).toBe(0);
    expect(points[3]!.staleness).toBeGreaterThan(1e-4);
  });

  test('by default, measures 16 points, at the steps of the estimator or at each, with seed 1', () => {
    const { system } = counting();
    const long = Array.from({ length: 20 }, (_, t) => ({ input: [t / 20, 1], target: [1] }));
    const stepsOf = (one: GradientEstimator, more: object) =>
      staleness(one, system, long, { learningRate: 0.01, ...more }).map(({ step }) => step);
    expect(stepsOf(rtrl(), {})).toEqual(Array.from({ length: 16 }, (_, i) => Math.ceil(((i + 1) * 20) / 16)));
    expect(stepsOf(rtrl(), { points: 3 })).toEqual([7, 14, 20]);
    expect(stepsOf(tbptt({ k1: 3, k2: 3 }), { points: 50 })).toEqual([3, 6, 9, 12, 15, 18, 20]);
    const seeded = (seed?: number) =>
      staleness(uoro(), system, long, { learningRate: 0.01, points: 2, ...(seed !== undefined && { seed }) });
    expect(seeded()).toEqual(seeded(1));
    expect(seeded()).not.toEqual(seeded(2));
  });
});

/** Each analysis, with what it returns as plain numbers. */
const ANALYSES: Readonly<Record<string, (system: System, state?: number[]) => unknown>> = {
  gradientsByStep: (system, state) => gradientsByStep(system, sequence, state),
  lagSpectrum: (system, state) => lagSpectrum(system, sequence, state === undefined ? {} : { state }),
  stateJacobians: (system, state) => stateJacobians(system, sequence, state),
  compare: (system, state) => {
    const { ms, ...rest } = compare([rtrl()], system, sequence, state === undefined ? {} : { state }).comparisons[0]!;
    return rest;
  },
};

describe.each(Object.entries(ANALYSES))('%s', (_, analyze) => {
  test('starts from the given state, which must fit, and releases its steps', () => {
    const { system, counts } = counting();
    const zero = analyze(system);
    expect(analyze(system, [0, 0, 0])).toEqual(zero);
    expect(analyze(system, [0.5, -0.5, 0.2])).not.toEqual(zero);
    expect(counts.made).toBeGreaterThanOrEqual(3 * T);
    expect(counts.released).toBe(counts.made);
    for (const wrong of [[0, 0], [0, 0, Number.NaN], null]) {
      expect(['SHAPE_MISMATCH', 'INVALID_DATA']).toContain(thrown(() => analyze(system, wrong as never)).code);
    }
  });

  test('uses the weights as they are when it is called', () => {
    const fresh = make(SPECS.plain!, { steps: T });
    const on = (system: System) =>
      analyze({
        ...system,
        ...{ batchSize: 1, initial: () => system.initial(), dispose() {} },
        changed: () => system.changed(),
        step: (state, data) =>
          system.step(state, { ...fresh.sequence[sequence.indexOf(data)]!, ...(data.target ? {} : { target: null }) }),
      });
    const before = on(fresh.system);
    for (let p = 0; p < fresh.system.parameters.length; p++) fresh.system.parameters[p]! *= 1.1;
    const after = on(fresh.system);
    expect(after).not.toEqual(before);
    fresh.system.changed();
    expect(on(fresh.system)).toEqual(after);
  });
});

test('the gradients of the steps, without those that later steps send back, are those of the losses', () => {
  const { system } = counting();
  const alone = gradientsByStep(system, sequence.slice(0, 1))[0]!;
  const step = system.step(system.initial(), sequence[0]!);
  const direct = new Float64Array(P);
  const q = step.lossGradient(direct);
  step.vjp(q, direct);
  expect(alone).toEqual({ stateGradient: q, parameterGradient: direct });
  const all = gradientsByStep(system, sequence);
  expect(all.at(-1)!.stateGradient).not.toEqual(all[0]!.stateGradient);
});

test('the Jacobian of a stack, which has no closed form, has a row for each element of the state', () => {
  const { system, sequence: steps } = make(SPECS.stacked!, { steps: 2 });
  const S = system.stateSize;
  const first = system.step(system.initial(), steps[0]!);
  const second = system.step(first.state.slice(), steps[1]!);
  const rows = Array.from({ length: S }, (_, r) => [
    ...second.vjp(
      Float64Array.from({ length: S }, (_, i) => (i === r ? 1 : 0)),
      null,
    ),
  ]);
  expect([...stateJacobians(system, steps)[1]!]).toEqual(rows.flat());
});

test('Lyapunov exponents: the largest by default, of maps with and without a kernel', () => {
  expect(lyapunovExponents([[3, 0, 0, 1]])).toEqual([Math.log(3)]);
  expect(lyapunovExponents([[2, 0, 0, 0]], 2)).toEqual([Math.log(2), Number.NEGATIVE_INFINITY]);
  const wrong: [unknown, RegExp][] = [
    [[], /^jacobians must be a list of square matrices/],
    [5, /^jacobians must be a list of square matrices/],
    [[[1, 2, 3]], /^side of the matrices must be an integer/],
    [[[1], [1, 2, 3, 4]], /jacobians\[1\]/],
    [[[Number.NaN]], /^jacobians\[0\]\[0\]/],
  ];
  for (const [list, message] of wrong) expect(thrown(() => lyapunovExponents(list as never)).message).toMatch(message);
  expect(thrown(() => stateJacobians(make(SPECS.plain!, { batchSize: 2 }).system, [])).message).toMatch(
    /^rows must be/,
  );
});
