/** Optimizers and schedules as `fit` accepts them, and what an optimizer gets for an update. */
import { expect, test } from '@jest/globals';
import { Arena, ParameterLayout } from '../../src/core/memory/parameters.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import {
  copyOfOptimizerChoice,
  copyOfScheduleChoice,
  isOptimizer,
  isSchedule,
  isWatching,
} from '../../src/optim/choice.js';
import {
  copyOfOptimizer,
  jsonCopy,
  type Optimizer,
  type OptimizerPass,
  OptimizerRun,
} from '../../src/optim/optimizer.js';
import { cosine, reduceOnPlateau } from '../../src/optim/schedules.js';
import { problemOf, thrown } from '../support/errors.js';

const rejection = (act: () => unknown) => {
  const { path, problem, help } = problemOf(thrown(act), 'INVALID_SETTING');
  return [path, `${problem} ${help ?? ''}`];
};
const own: Optimizer = { spec: { kind: 'own', learningRate: 2 }, state: ['m'], apply: () => {} };
const watching = { factor: () => 0.5, observe() {}, restore() {}, observed: [] };

test('which choices exist already, and which are names', () => {
  const optimizers = ['adam', { kind: 'adam' }, adam(), own, { ...own, kind: 'own' }] as never[];
  expect(optimizers.map(isOptimizer)).toEqual([false, false, true, true, true]);
  const schedules = [undefined, 'cosine', { kind: 'stepDown' }, cosine, reduceOnPlateau(), watching] as never[];
  expect(schedules.map(isSchedule)).toEqual([false, false, false, true, true, true]);
  const watched = [undefined, 'cosine', cosine, 'reduceOnPlateau', { kind: 'reduceOnPlateau' }, watching] as never[];
  expect(watched.map(isWatching)).toEqual([false, false, false, true, true, true]);
});

test('a copy of an optimizer does not change, and knows its own object', () => {
  let applied: unknown;
  const given = {
    ...{ spec: { kind: 'own', learningRate: 2 }, state: ['m'] },
    apply() {
      applied = this;
    },
  };
  const copy = copyOfOptimizerChoice('optimizer', given) as Optimizer;
  given.spec.learningRate = 9;
  given.state.push('v');
  copy.apply({} as OptimizerPass);
  expect([copy.spec, copy.state, applied === given]).toEqual([{ kind: 'own', learningRate: 2 }, ['m'], true]);
  const settings = { kind: 'adam', learningRate: 0.1 } as const;
  const named = copyOfOptimizerChoice('optimizer', settings);
  expect([named, named === settings, copyOfOptimizerChoice('optimizer', 'lion')]).toEqual([settings, false, 'lion']);
});

test.each<[string, unknown, string, RegExp]>([
  ['an unknown name', 'adamm', 'optimizer', /must be 'adadelta', .* or 'grouped', got "adamm".*Did you mean "adam"/],
  ['an unknown kind', { kind: 'sdg' }, 'optimizer', /got "sdg"/],
  ['what JSON cannot hold', { kind: 'adam', learningRate: 1n }, 'optimizer', /must be plain JSON/],
  ['a function', adam, 'optimizer', /must be an optimizer, got a function adam\(\)\. Call it: adam\(\)/],
  ['null', null, 'optimizer', /must be an optimizer, got null\. Pass adam\(\)/],
  ['no apply', { spec: own.spec, state: [] }, 'optimizer', /with spec, state and apply\(\)\. Pass adam\(\)/],
  ['no spec', { ...own, spec: null }, 'optimizer', /with spec, state and apply/],
  ['a spec without a kind', { ...own, spec: { learningRate: 1 } }, 'optimizer', /with spec, state and apply/],
  ['no learning rate', { ...own, spec: { kind: 'own' } }, 'optimizer.spec.learningRate', /got undefined/],
  ['state that is not a list', { ...own, state: 'm' }, 'optimizer.state', /must be a list of names, got "m"/],
  ['state with a number', { ...own, state: ['m', 1] }, 'optimizer.state', /must be a list of names, got \["m",1\]/],
])('an optimizer that is %s is rejected', (_, choice, path, message) => {
  expect(rejection(() => copyOfOptimizerChoice('optimizer', choice as never))).toEqual([
    path,
    expect.stringMatching(message),
  ]);
});

test.each<[string, unknown, string, RegExp]>([
  ['an unknown name', 'cosin', 'schedule', /got "cosin".*Did you mean "cosine"/],
  ['an unknown kind', { kind: 'steps' }, 'schedule', /must be 'constant', .* or 'chain', got "steps"/],
  ['a number', 5, 'schedule', /must be a function, a name or \{kind\}, got 5\. Try 'cosine'\./],
  ['null', null, 'schedule', /got null/],
  ['no observe', { ...watching, observe: 1 }, 'schedule.observe', /must be a function, got 1/],
  ['no restore', { ...watching, restore: null }, 'schedule.restore', /must be a function, got null/],
  ['no factor', { observe() {}, restore() {} }, 'schedule.factor', /must be a function, got undefined/],
])('a schedule that is %s is rejected', (_, choice, path, message) => {
  expect(rejection(() => copyOfScheduleChoice('schedule', choice as never))).toEqual([
    path,
    expect.stringMatching(message),
  ]);
});

test('a copy of a schedule: functions and watching schedules stay, settings are copied', () => {
  expect([copyOfScheduleChoice('s', cosine), copyOfScheduleChoice('s', watching)]).toEqual([cosine, watching]);
  const parts = { kind: 'chain', parts: [{ schedule: 'linear' }] } as const;
  const copy = copyOfScheduleChoice('s', parts) as typeof parts;
  expect([copy, copy.parts === parts.parts]).toEqual([parts, false]);
  expect([jsonCopy('s', { a: [1] }), copyOfOptimizer('o', own).state === own.state]).toEqual([{ a: [1] }, false]);
});

test('an update gets whole rows as they are, and the same windows and temporary rows each time', () => {
  const k = createReference('float64');
  const layout = new ParameterLayout([
    { name: 'a', shape: [2, 2] },
    { name: 'b', shape: [3] },
  ]);
  const [parameters, gradients] = [new Arena(k, layout), new Arena(k, layout)];
  const passes: OptimizerPass[] = [];
  const run = new OptimizerRun(k, { ...own, apply: (pass) => void passes.push(pass) }, parameters);
  run.apply(gradients.matrix, 3, 0.5);
  const [{ window, scratch, state, parameters: row, tensors, update, learningRate }] = passes as [OptimizerPass];
  expect([row.cols, state.m!.cols, update, learningRate]).toEqual([7, 7, 3, 0.5]);
  expect(tensors.map(({ name, offset, size }) => [name, offset, size])).toEqual([
    ['a', 0, 4],
    ['b', 4, 3],
  ]);
  expect(window(row, 0, 7)).toBe(row);
  const part = window(row, 0, 4);
  expect([part.cols, window(row, 0, 4) === part, window(row, 4, 3) === part]).toEqual([4, true, false]);
  expect(window(state.m!, 0, 4)).not.toBe(part);
  const second = scratch(1);
  expect([scratch(1) === second, scratch(0) === second, scratch(0).cols]).toEqual([true, false, 7]);
  run.free();
  const other = createReference('float64');
  expect(thrown(() => new OptimizerRun(other, own, parameters)).code).toBe('INVALID_SETTING');
});
