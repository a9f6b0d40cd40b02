/** Settings of optimizers and schedules: unknown names, wrong kinds, null, and objects that change after the call. */
import { describe, expect, test } from '@jest/globals';
import { Arena, ParameterLayout } from '../../src/core/memory/parameters.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { grouped } from '../../src/optim/grouped.js';
import { createOptimizer, OPTIMIZERS, type OptimizerKind } from '../../src/optim/index.js';
import { nadam } from '../../src/optim/nadam.js';
import { OPTIMIZER_NAMES } from '../../src/optim/names.js';
import { type Optimizer, OptimizerRun } from '../../src/optim/optimizer.js';
import * as schedules from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, thrown } from '../support/errors.js';

const any = (value: unknown) => value as never;

/** The path and the message of the `INVALID_SETTING` that `act` throws. */
function rejection(act: () => unknown): { path: string; message: string } {
  const error = thrown(act);
  return { path: problemOf(error, 'INVALID_SETTING').path, message: error.message };
}

test('the names that are checked before the code is loaded are those of the registry', () => {
  expect([...OPTIMIZER_NAMES].sort()).toEqual(Object.keys(OPTIMIZERS).sort());
});

describe.each(Object.keys(OPTIMIZERS) as OptimizerKind[])('%s', (kind) => {
  const make = OPTIMIZERS[kind] as (settings?: unknown) => Optimizer;

  test('an unknown setting is rejected, with the name that is meant', () => {
    expect(rejection(() => make({ learningRate: 0.1, lr: 0.5 }))).toEqual({
      path: `${kind}.lr`,
      message: expect.stringContaining('Did you mean "learningRate"?'),
    });
    expect(rejection(() => createOptimizer({ kind, learningRate: 0.1, weight_decays: 0.5 })).path).toBe(
      `${kind}.weight_decays`,
    );
  });

  test('null, strings, booleans, NaN and negative numbers are rejected for every setting; undefined is the default', () => {
    const { kind: _, ...settings } = make({ learningRate: 0.1 }).spec;
    for (const [name, value] of Object.entries(settings)) {
      const wrong = typeof value === 'boolean' ? [null, 0, 'true'] : [null, '1', true, Number.NaN, -1, [1]];
      for (const one of wrong) {
        expect(rejection(() => make({ learningRate: 0.1, [name]: one })).path).toBe(`${kind}.${name}`);
      }
      if (name !== 'learningRate') {
        expect(make({ learningRate: 0.1, [name]: undefined }).spec).toEqual({ kind, ...settings });
      }
    }
    for (const one of [null, 0.1, 'fast', [], () => {}]) expect(rejection(() => make(one)).path).toBe(kind);
  });

  test('its name alone creates it with its defaults', () => {
    if (kind === 'sgd') expect(rejection(() => createOptimizer('sgd')).path).toBe('sgd.learningRate');
    else expect(createOptimizer(kind).spec).toEqual(make().spec);
  });
});

test.each<[string, unknown, string]>([
  ['an unknown name', 'adamm', 'Did you mean "adam"?'],
  ['no name', {}, 'got undefined'],
  ['null', null, 'got null'],
  ['a list', ['adam'], 'got ["adam"]'],
  ['a name of every object', { kind: 'toString' }, 'got "toString"'],
])('createOptimizer rejects %s', (_, spec, message) => {
  expect(rejection(() => createOptimizer(any(spec)))).toEqual({
    path: 'optimizer',
    message: expect.stringContaining(message),
  });
});

const rest = sgd({ learningRate: 1 });

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'grouped'],
  ['an unknown setting', { groups: [], rest, others: rest }, 'grouped.others'],
  ['groups that are not a list', { groups: {}, rest }, 'grouped.groups'],
  ['a group that is null', { groups: [null], rest }, 'grouped.groups[0]'],
  ['an unknown setting of a group', { groups: [{ match: '*', optimiser: null }], rest }, 'grouped.groups[0].optimiser'],
  ['a pattern that is a number', { groups: [{ match: 3, optimizer: null }], rest }, 'grouped.groups[0].match'],
  ['a group without an optimizer', { groups: [{ match: '*' }], rest }, 'grouped.groups[0].optimizer'],
  [
    'an optimizer that was not called',
    { groups: [{ match: '*', optimizer: nadam }], rest },
    'grouped.groups[0].optimizer',
  ],
  ['no rest', { groups: [] }, 'grouped.rest'],
  ['a rest that is null', { groups: [], rest: null }, 'grouped.rest'],
])('grouped rejects %s', (_, settings, path) => {
  expect(rejection(() => grouped(any(settings))).path).toBe(path);
});

test('groups from JSON that contain each other without end are rejected', () => {
  let spec: object = { kind: 'adam' };
  for (let i = 0; i < 5000; i++) spec = { kind: 'grouped', groups: [], rest: spec };
  expect(rejection(() => createOptimizer(any(spec))).message).toContain('is nested too deeply');
  let parts: object = { kind: 'linear' };
  for (let i = 0; i < 5000; i++) parts = { kind: 'chain', parts: [{ schedule: parts }] };
  expect(rejection(() => schedules.createSchedule(any(parts))).message).toContain('is nested too deeply');
});

test('changing the settings of a group after the call has no effect', async () => {
  const k = createReference('float64');
  const spec = { kind: 'own', learningRate: 2 };
  const own: Optimizer = {
    spec,
    state: [],
    apply: ({ kernels, parameters, learningRate }) => kernels.fill(parameters, learningRate),
  };
  const groups = [{ match: 'a', optimizer: own }];
  const optimizer = grouped({ groups, rest });
  spec.learningRate = 99;
  groups[0]!.match = 'b';
  groups.length = 0;
  const parameters = new Arena(
    k,
    new ParameterLayout([
      { name: 'a', shape: [2] },
      { name: 'b', shape: [1] },
    ]),
  );
  const gradients = new Arena(k, parameters.layout);
  new OptimizerRun(k, optimizer, parameters).apply(gradients.matrix, 1, 1);
  expect([...(await k.download(parameters.matrix))]).toEqual([2, 2, 0]);
});

test('one nadam() makes the same updates in a second training, and in two trainings that take turns', async () => {
  const k = createReference('float64');
  const layout = new ParameterLayout([{ name: 'a', shape: [3] }]);
  const start = (optimizer: Optimizer) => {
    const [parameters, gradients] = [new Arena(k, layout), new Arena(k, layout)];
    k.upload(gradients.matrix, [1, -2, 0.5]);
    const run = new OptimizerRun(k, optimizer, parameters);
    return { update: (t: number) => run.apply(gradients.matrix, t, 0.1), read: () => k.download(parameters.matrix) };
  };
  const shared = nadam();
  const alone = start(nadam());
  for (let t = 1; t <= 5; t++) alone.update(t);
  const [first, second, third] = [start(shared), start(shared), start(shared)];
  for (let t = 1; t <= 5; t++) first.update(t);
  for (let t = 1; t <= 5; t++) for (const one of [second, third]) one.update(t);
  for (const one of [first, second, third]) expectSameBits(await one.read(), await alone.read());
});

describe('schedules', () => {
  const { chain, cosineRestarts, cosineTo, exponential, linear, linearWarmup, oneCycle, reduceOnPlateau, stepDown } =
    schedules;
  const made: [string, (settings?: unknown) => unknown, object][] = [
    ['stepDown', any(stepDown), { every: 2, factor: 0.5 }],
    ['exponential', any(exponential), { factor: 0.5 }],
    ['cosineTo', any(cosineTo), { steps: 5 }],
    ['cosineRestarts', any(cosineRestarts), { first: 5, mult: 2 }],
    ['oneCycle', any(oneCycle), { share: 0.5 }],
    ['linearWarmup', any(linearWarmup), { steps: 5 }],
    ['reduceOnPlateau', any(reduceOnPlateau), { patience: 5 }],
  ];

  test.each(made)('%s rejects unknown settings, wrong kinds and null', (kind, make, valid) => {
    expect(make(valid)).toBeDefined();
    expect(rejection(() => make({ ...valid, gamma: 1 })).path).toBe('schedule.gamma');
    expect(rejection(() => schedules.createSchedule(any({ kind, ...valid, gamma: 1 }))).path).toBe('schedule.gamma');
    for (const name of Object.keys(valid)) {
      for (const wrong of [null, '1', -1, Number.NaN, true]) {
        expect(rejection(() => make({ ...valid, [name]: wrong })).path).toBe(`schedule.${name}`);
      }
    }
    for (const wrong of [null, 5, 'fast']) expect(rejection(() => make(wrong)).path).toBe('schedule');
  });

  test('cosineRestarts: mult is at most 1000, and 1 repeats the first cycle', () => {
    expect(rejection(() => cosineRestarts({ first: 2, mult: 1001 })).path).toBe('schedule.mult');
    const time = { epoch: 1, epochs: 1 };
    expect(cosineRestarts({ first: 2, mult: 1000 })(3, 10, time)).toBe(1);
    const same = cosineRestarts({ first: 3 });
    expect([4, 5, 6, 7, 9e15 + 1].map((step) => same(step, 1, time))).toEqual(
      [1, 2, 3, 1, 1].map((step) => same(step, 1, time)),
    );
  });

  test.each<[string, unknown, string]>([
    ['no parts', [], 'schedule.parts'],
    ['a function', linear, 'schedule.parts'],
    ['a part that is null', [null], 'schedule.parts[0]'],
    ['an unknown setting of a part', [{ scheduel: linear }], 'schedule.parts[0].scheduel'],
    ['a part without a schedule', [{}], 'schedule.parts[0].schedule'],
  ])('chain rejects %s', (_, parts, path) => {
    expect(rejection(() => chain(any(parts))).path).toBe(path);
  });

  test('changing the parts of a chain after the call has no effect', () => {
    const parts = [
      { steps: 2, schedule: linearWarmup({ steps: 2 }) },
      { steps: 9, schedule: linear },
    ];
    const schedule = chain(parts);
    parts[0]!.steps = 7;
    parts.pop();
    const time = { epoch: 1, epochs: 1 };
    expect([1, 2, 3, 4].map((step) => schedule(step, 6, time))).toEqual([0, 0.5, 1, 0.75]);
  });
});
