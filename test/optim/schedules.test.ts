/** Schedules agree with PyTorch and with their definitions. */
import { expect, test } from '@jest/globals';
import type { ScheduleFunction } from '../../src/optim/schedule.js';
import {
  chain,
  constant,
  cosine,
  cosineRestarts,
  cosineTo,
  createSchedule,
  exponential,
  linear,
  linearWarmup,
  oneCycle,
  reduceOnPlateau,
  type ScheduleSpec,
  scheduleSpec,
  stepDown,
} from '../../src/optim/schedules.js';
import { problemOf, thrown } from '../support/errors.js';
import { expectClose, golden } from '../support/golden.js';

const g = golden('optimizers');
const rates = g.rates as Record<string, number[]>;
const BASE = 0.1;

const over = (schedule: ScheduleFunction, steps: number, epochs = 1) =>
  Array.from({ length: steps }, (_, i) => {
    return schedule(i + 1, steps, { epoch: 1 + Math.floor((i * epochs) / steps), epochs });
  });

test('each starts at the whole rate; linear falls evenly, cosine as half a cosine', () => {
  expect(over(constant, 4)).toEqual([1, 1, 1, 1]);
  expect(over(linear, 4)).toEqual([1, 0.75, 0.5, 0.25]);
  const half = over(cosine, 4);
  [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2].forEach((expected, i) => {
    expect(half[i]).toBeCloseTo(expected, 12);
  });
});

test.each<[string, ScheduleFunction]>([
  ['step', stepDown({ every: 5, factor: 0.5 })],
  ['exponential', exponential({ factor: 0.9 })],
  ['cosine', cosineTo({ steps: 20, min: 0.001 / BASE })],
  ['one-cycle', oneCycle({ steps: 30 })],
  ['linear-warmup', linearWarmup({ from: 0.1, steps: 8 })],
  ['cosine-restarts', cosineRestarts({ first: 7, mult: 2 })],
])('%s gives the learning rates of PyTorch', (name, schedule) => {
  const expected = rates[name]!;
  expect(expected.length).toBeGreaterThanOrEqual(29);
  expectClose(
    name,
    over(schedule, expected.length).map((factor) => BASE * factor),
    expected,
    1e-10,
  );
});

test('reduce-on-plateau gives the learning rates of PyTorch, also after a restore', () => {
  const make = () => reduceOnPlateau({ factor: 0.5, patience: 2, threshold: 1e-4 });
  const series = g.plateauSeries as number[];
  const found: number[] = [];
  let plateau = make();
  series.forEach((loss, i) => {
    found.push(BASE * plateau.factor(i + 1, series.length, { epoch: i + 1, epochs: series.length }));
    plateau.observe(loss);
    if (i % 4 !== 2) return;
    const again = make(); // as after a resume
    again.restore(JSON.parse(JSON.stringify(plateau.observed)) as number[]);
    plateau = again;
  });
  expectClose('rates', found, rates['reduce-on-plateau']!, 1e-12);
  expect(new Set(found).size).toBeGreaterThan(2);
});

test('every golden schedule is implemented', () => {
  expect(Object.keys(rates).sort()).toEqual(
    ['step', 'exponential', 'cosine', 'one-cycle', 'linear-warmup', 'cosine-restarts', 'reduce-on-plateau'].sort(),
  );
});

test('exponential with every: epoch multiplies after each epoch', () => {
  const factors = over(exponential({ factor: 0.9, every: 'epoch' }), 6, 3);
  [1, 1, 0.9, 0.9, 0.81, 0.81].forEach((expected, i) => {
    expect(factors[i]).toBeCloseTo(expected, 12);
  });
});

test('each part of a chain counts its own updates', () => {
  const factors = over(chain([{ steps: 2, schedule: linearWarmup({ steps: 2 }) }, { schedule: linear }]), 6);
  expect(factors).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25]);
});

test.each<ScheduleSpec>([
  'cosine',
  { kind: 'stepDown', every: 3, factor: 0.5 },
  { kind: 'oneCycle' },
  { kind: 'chain', parts: [{ steps: 5, schedule: { kind: 'linearWarmup', steps: 5 } }, { schedule: 'cosine' }] },
])('%j is created from JSON', (spec) => {
  const schedule = createSchedule(JSON.parse(JSON.stringify(spec)) as ScheduleSpec);
  if (typeof schedule !== 'function') throw new Error('expected a function of the update');
  for (const factor of over(schedule, 12)) expect(factor >= 0 && factor <= 1).toBe(true);
});

test.each<[string, ScheduleFunction]>([
  ['cosine', cosine],
  ['stepDown', stepDown({ every: 'epoch', factor: 0.5 })],
  ['exponential', exponential({ factor: 0.9 })],
  ['cosineTo', cosineTo({ steps: 7, min: 0.1 })],
  ['cosineRestarts', cosineRestarts({ first: 2, mult: 2 })],
  ['oneCycle', oneCycle({ share: 0.5 })],
  ['oneCycle with its own length', oneCycle({ steps: 9 })],
  ['chain', chain([{ steps: 5, schedule: linearWarmup({ steps: 4, from: 0.2 }) }, { schedule: linear }])],
])('%s is recreated from its spec', (_, schedule) => {
  const spec = JSON.parse(JSON.stringify(scheduleSpec(schedule))) as ScheduleSpec;
  expect(over(createSchedule(spec) as ScheduleFunction, 12, 3)).toEqual(over(schedule, 12, 3));
});

test('reduceOnPlateau is restored from its spec; a custom function, or a chain with one, has no spec', () => {
  const settings = { factor: 0.3, patience: 4, threshold: 0.1 };
  expect(scheduleSpec(reduceOnPlateau(settings))).toEqual({ kind: 'reduceOnPlateau', ...settings });
  expect(scheduleSpec(() => 1)).toBeNull();
  expect(scheduleSpec(chain([{ steps: 2, schedule: () => 1 }, { schedule: linear }]))).toBeNull();
});

test.each<[unknown, string]>([
  ['cosin', 'schedule'],
  [{ kind: 'toString' }, 'schedule'],
  [{ kind: 'stepDown', every: 0, factor: 0.5 }, 'schedule.every'],
  [{ kind: 'stepDown', every: 2 }, 'schedule.factor'],
  [{ kind: 'linearWarmup' }, 'schedule.steps'],
  [{ kind: 'oneCycle', share: 2 }, 'schedule.share'],
  [{ kind: 'chain', parts: [{ schedule: 'linear' }, { schedule: 'cosine' }] }, 'schedule.parts[0].steps'],
  [
    { kind: 'chain', parts: [{ steps: 2, schedule: { kind: 'reduceOnPlateau' } }, { schedule: 'cosine' }] },
    'schedule.parts',
  ],
])('%j is rejected', (spec, path) => {
  const error = thrown(() => createSchedule(spec as ScheduleSpec));
  expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
});
