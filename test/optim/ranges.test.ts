/** The defaults and the ranges of the settings of optimizers and schedules. */
import { describe, expect, test } from '@jest/globals';
import { Arena, ParameterLayout } from '../../src/core/memory/parameters.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { grouped } from '../../src/optim/grouped.js';
import { createOptimizer, OPTIMIZERS, type OptimizerKind } from '../../src/optim/index.js';
import { type Optimizer, OptimizerRun } from '../../src/optim/optimizer.js';
import * as schedules from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { thrown } from '../support/errors.js';
import { integer, number, type Range, testRanges } from '../support/ranges.js';

const BELOW_ONE = 0.9999999999999998;
const SETTINGS: Readonly<Record<string, string>> = {
  learningRate: number(0),
  beta1: number(0, BELOW_ONE),
  beta2: number(0, BELOW_ONE),
  alpha: number(0, 1),
  rho: number(0, 1),
  momentum: number(0, 1),
  dampening: number(0, 1),
  eps: number(0),
  weightDecay: number(0),
  learningRateDecay: number(0),
  momentumDecay: number(0),
};

const DEFAULTS: Readonly<Record<string, object>> = {
  sgd: { learningRate: 3, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },
  adam: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  adamW: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 },
  amsgrad: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  nadam: {
    learningRate: 0.002,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    momentumDecay: 0.004,
    weightDecay: 0,
    doubleMu: false,
  },
  radam: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
  rmsprop: { learningRate: 0.01, alpha: 0.99, eps: 1e-8, momentum: 0, centered: false, weightDecay: 0 },
  adagrad: { learningRate: 0.01, learningRateDecay: 0, eps: 1e-10, weightDecay: 0 },
  adadelta: { learningRate: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 },
  lamb: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, eps: 1e-6, weightDecay: 0.01 },
  lion: { learningRate: 0.0001, beta1: 0.9, beta2: 0.99, weightDecay: 0 },
};

describe.each(Object.keys(OPTIMIZERS) as OptimizerKind[])('%s', (kind) => {
  const make = (settings?: object): Optimizer => createOptimizer({ kind, ...settings });

  test('has the defaults of its documentation', () => {
    const given = kind === 'sgd' ? { learningRate: 3 } : {};
    expect(make(given).spec).toEqual({ kind, ...DEFAULTS[kind] });
  });

  testRanges(
    Object.keys(DEFAULTS[kind]!)
      .filter((name) => name in SETTINGS)
      .map(
        (name): Range => [`${kind}.${name}`, SETTINGS[name]!, (value) => make({ learningRate: 0.1, [name]: value })],
      ),
  );
});

describe('schedules', () => {
  const { chain, cosineRestarts, cosineTo, exponential, linear, linearWarmup, oneCycle, reduceOnPlateau, stepDown } =
    schedules;
  testRanges([
    ['schedule.every', integer(1), (every) => stepDown({ every, factor: 1 })],
    ['schedule.factor', number(0), (factor) => stepDown({ every: 1, factor })],
    ['schedule.every', integer(1), (every) => exponential({ every, factor: 1 })],
    ['schedule.steps', integer(1), (steps) => cosineTo({ steps })],
    ['schedule.min', number(0, 1), (min) => cosineTo({ steps: 1, min })],
    ['schedule.first', integer(1), (first) => cosineRestarts({ first })],
    ['schedule.mult', integer(1, 1000), (mult) => cosineRestarts({ first: 1, mult })],
    ['schedule.min', number(0, 1), (min) => cosineRestarts({ first: 1, min })],
    ['schedule.steps', integer(2), (steps) => oneCycle({ steps })],
    ['schedule.share', number(0, 1), (share) => oneCycle({ share })],
    ['schedule.steps', integer(1), (steps) => linearWarmup({ steps })],
    ['schedule.from', number(0, 1), (from) => linearWarmup({ steps: 1, from })],
    ['schedule.factor', number(0, 1), (factor) => reduceOnPlateau({ factor })],
    ['schedule.patience', integer(0), (patience) => reduceOnPlateau({ patience })],
    ['schedule.threshold', number(0, 1), (threshold) => reduceOnPlateau({ threshold })],
    ['schedule.parts[0].steps', integer(1), (steps) => chain([{ steps, schedule: linear }, { schedule: linear }])],
    ['schedule.parts[0].steps', integer(1), (steps) => chain([{ steps, schedule: linear }])],
    ['update', number(0, Number.MAX_VALUE), (update) => linear(update, 2, { epoch: 1, epochs: 1 })],
    ['updates', number(0, Number.MAX_VALUE), (updates) => linear(1, updates, { epoch: 1, epochs: 1 })],
  ]);

  const at = (schedule: schedules.ScheduleSpec, update: number, updates: number) =>
    (schedules.createSchedule(schedule) as typeof linear)(update, updates, { epoch: 1, epochs: 1 });

  test('the defaults are those of their documentation', () => {
    expect(schedules.scheduleSpec(exponential({ factor: 0.5 }))).toEqual({ kind: 'stepDown', every: 1, factor: 0.5 });
    expect(schedules.scheduleSpec(cosineTo({ steps: 5 }))).toEqual({ kind: 'cosineTo', steps: 5, min: 0 });
    const restarts = { kind: 'cosineRestarts', first: 5, mult: 1, min: 0 };
    expect(schedules.scheduleSpec(cosineRestarts({ first: 5 }))).toEqual(restarts);
    expect(schedules.scheduleSpec(oneCycle())).toEqual({ kind: 'oneCycle', share: 0.3 });
    expect(schedules.scheduleSpec(linearWarmup({ steps: 5 }))).toEqual({ kind: 'linearWarmup', steps: 5, from: 0 });
    const plateau = { kind: 'reduceOnPlateau', factor: 0.1, patience: 10, threshold: 1e-4 };
    expect(schedules.scheduleSpec(reduceOnPlateau())).toEqual(plateau);
  });

  test('cosineTo rises again after its steps, and cosineRestarts keeps its minimum in every cycle', () => {
    const bent = [1, 3, 5, 7].map((update) => at({ kind: 'cosineTo', steps: 4, min: 0.2 }, update, 9));
    [1, 0.6, 0.2, 0.6].forEach((expected, i) => {
      expect(bent[i]).toBeCloseTo(expected, 12);
    });
    const restarts = { kind: 'cosineRestarts', first: 2, mult: 3, min: 0.2 } as const; // cycles of 2, 6 and 18 updates
    const found = [1, 2, 3, 6, 9, 18].map((update) => at(restarts, update, 99));
    [1, 0.6, 1, 0.6, 1, 0.6].forEach((expected, i) => {
      expect(found[i]).toBeCloseTo(expected, 12);
    });
  });

  test('oneCycle: its own length, the planned one, shares of 0 and 1, and updates after the end', () => {
    const low = 1 / 25;
    const end = 1 / 25e4;
    expect(at({ kind: 'oneCycle', steps: 10 }, 3, 99)).toBeCloseTo(1, 12); // the top is at 0.3 * 10
    expect(at({ kind: 'oneCycle' }, 1, 10)).toBeCloseTo(low, 12);
    expect(at({ kind: 'oneCycle' }, 2, 10)).toBeCloseTo((1 + low) / 2, 12);
    for (const update of [10, 11, 50]) expect(at({ kind: 'oneCycle', steps: 10 }, update, 99)).toBeCloseTo(end, 12);
    expect(at({ kind: 'oneCycle', steps: 10, share: 0.1 }, 1, 10)).toBe(1);
    expect(at({ kind: 'oneCycle', steps: 10, share: 1 }, 10, 10)).toBeCloseTo(1, 12);
    expect(at({ kind: 'oneCycle', steps: 5, share: 0 }, 5, 5)).toBeCloseTo(end, 12);
  });

  test('the last part of a chain gets the updates that are left, and at least one', () => {
    const seen: number[][] = [];
    const look: typeof linear = (update, updates) => seen.push([update, updates]);
    const schedule = chain([{ steps: 2, schedule: look }, { steps: 3, schedule: look }, { schedule: look }]);
    for (const update of [1, 2, 3, 5, 6, 7]) schedule(update, 8, { epoch: 1, epochs: 1 });
    schedule(6, 4, { epoch: 1, epochs: 1 });
    expect(seen).toEqual([
      [1, 2],
      [2, 2],
      [1, 3],
      [3, 3],
      [1, 3],
      [2, 3],
      [1, 1],
    ]);
  });

  test('reduceOnPlateau: a loss that falls by exactly the threshold counts as waiting; restore() accepts a part', () => {
    const plateau = reduceOnPlateau({ factor: 0.5, patience: 1, threshold: 0.5 });
    for (const loss of [8, 4, 4]) plateau.observe(loss);
    expect(plateau.observed).toEqual([0.5, 8, 0]);
    plateau.observe(3.9);
    expect(plateau.observed).toEqual([0.5, 3.9, 0]);
    plateau.observe(9);
    expect(plateau.observed).toEqual([0.5, 3.9, 1]);
    plateau.restore([]);
    expect(plateau.observed).toEqual([1, Number.MAX_VALUE, 0]);
    expect(thrown(() => plateau.observe('low' as never)).message).toBe('loss must be a number, got "low".');
    expect(thrown(() => plateau.restore([Number.NaN])).code).toBe('INVALID_DATA');
  });

  test('a chain may be 100 chains deep, not more', () => {
    const nested = (depth: number): schedules.ScheduleSpec =>
      depth === 0 ? 'linear' : { kind: 'chain', parts: [{ schedule: nested(depth - 1) }] };
    expect(at(nested(100), 2, 4)).toBe(0.75);
    expect(thrown(() => at(nested(101), 2, 4)).message).toContain('schedule is nested too deeply.');
  });
});

describe('an update', () => {
  const k = createReference('float64');
  const layout = new ParameterLayout([
    { name: 'a', shape: [3] },
    { name: 'b', shape: [2, 2] },
    { name: 'c', shape: [1] },
  ]);
  const run = (optimizer: Optimizer) => {
    const [parameters, gradients] = [new Arena(k, layout), new Arena(k, layout)];
    k.upload(parameters.matrix, [1, 2, 3, 4, 5, 6, 7, 8]);
    k.fill(gradients.matrix, 1);
    return { run: new OptimizerRun(k, optimizer, parameters), parameters, gradients };
  };

  testRanges([
    ['update', number(1, Number.MAX_SAFE_INTEGER), (n) => run(sgd({ learningRate: 1 })).run.apply(k.alloc(1, 8), n, 1)],
    ['learningRate', number(0, Number.MAX_VALUE), (n) => run(sgd({ learningRate: 1 })).run.apply(k.alloc(1, 8), 1, n)],
    [
      'optimizer.spec.learningRate',
      number(0),
      (learningRate) => run({ ...sgd({ learningRate: 1 }), spec: { kind: 'own', learningRate } }),
    ],
    [
      'grouped.learningRate',
      number(1, 1),
      (learningRate) => createOptimizer({ kind: 'grouped', groups: [], rest: 'adam', learningRate } as never),
    ],
  ]);

  test('a grouped optimizer passes each run of tensors its part of every row and the place of each tensor in it', () => {
    const seen: unknown[] = [];
    const own: Optimizer = {
      spec: { kind: 'own', learningRate: 2 },
      state: ['m'],
      apply: ({ parameters, gradients, state, learningRate, tensors, scratch, update }) => {
        const columns = [parameters, gradients, state.m!, scratch(1)].map(({ cols }) => cols);
        seen.push([update, learningRate, columns, tensors.map(({ name, offset, size }) => [name, offset, size])]);
        k.fill(parameters, 9);
      },
    };
    const { run: own2, parameters, gradients } = run(grouped({ groups: [{ match: 'a', optimizer: null }], rest: own }));
    own2.apply(gradients.matrix, 4, 0.5);
    expect(seen).toEqual([
      [
        4,
        1,
        [5, 5, 5, 5],
        [
          ['b', 0, 4],
          ['c', 4, 1],
        ],
      ],
    ]);
    expect([...k.host(parameters.matrix)!]).toEqual([1, 2, 3, 9, 9, 9, 9, 9]);
    const split = run(grouped({ groups: [{ match: 'b', optimizer: null }], rest: own }));
    seen.length = 0;
    split.run.apply(split.gradients.matrix, 1, 1);
    expect(seen.map((one) => (one as unknown[])[3])).toEqual([[['a', 0, 3]], [['c', 0, 1]]]);
  });

  test('free() gives back the state and the temporary rows', () => {
    const { run: own, gradients } = run(createOptimizer({ kind: 'lamb' }));
    own.apply(gradients.matrix, 1, 0.1);
    const rows = [...own.state.values()];
    expect(rows).toHaveLength(2);
    own.free();
    for (const row of rows) expect(() => row.write()).toThrow();
  });
});
