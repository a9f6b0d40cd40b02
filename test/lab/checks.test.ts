/** What the calls of `unspool/lab` reject, and figures at the edges of their rules. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import {
  bptt,
  cellSystem,
  compare,
  copyTask,
  delayedAddTask,
  type GradientEstimator,
  gradientsByStep,
  hDetach,
  hessianVector,
  lagSpectrum,
  lyapunovExponents,
  modelSystem,
  optimalPlan,
  rnnCell,
  singularValues,
  squaredErrorReadout,
  staleness,
  stateJacobians,
  stepsToBatch,
  tbptt,
  temporalOrderTask,
  unroll,
  uoro,
} from '../../src/lab/index.js';
import { make, SPECS } from '../estimators/support.js';
import { rejected, thrown } from '../support/errors.js';

const random = () => createRng(1, 'checks');
const [D, H] = [2, 3];
const cell = () => {
  const weights = random();
  const theta = Float64Array.from({ length: H * (D + H + 1) + H + 1 }, () => weights.normal());
  return cellSystem(rnnCell(D, H), squaredErrorReadout(H, 1), theta);
};
const sequence = () => Array.from({ length: 5 }, (_, t) => ({ input: [t / 5, 1], target: [t] }));

describe('compare', () => {
  test('the interval of the bias starts at 0 for an unbiased estimator, and above 0 for a biased one', () => {
    const intervalOf = (estimator: GradientEstimator, options: object) =>
      compare([estimator], cell(), sequence(), options).comparisons[0]!.total.biasInterval;
    const [low, high] = intervalOf(uoro(), { draws: 64 });
    expect(low).toBe(0);
    expect(high).toBeGreaterThan(0.01);
    expect(intervalOf(uoro(), { draws: 64, confidence: 0.5 })[1]).toBeLessThan(high);
    const [from, to] = intervalOf(hDetach({ rate: 0.5 }), { draws: 256 });
    expect(from).toBeGreaterThan(0);
    expect(to).toBeGreaterThan(from);
    expect(intervalOf(uoro(), { draws: 2 })).toEqual([0, Number.POSITIVE_INFINITY]);
    const { total } = compare([tbptt({ k1: 1, k2: 2 })], cell(), sequence()).comparisons[0]!;
    expect(total.biasInterval).toEqual([total.bias, total.bias]);
  });

  test('no warning without a reason', () => {
    expect(compare([bptt(), uoro()], cell(), sequence(), { draws: 4 }).warnings).toEqual([]);
  });
});

test('a batch has the rows of each step, one step after the other', () => {
  const steps = [
    { input: [1, 2, 3, 4], target: null },
    { input: [5, 6, 7, 8], target: [9, 10] },
  ];
  expect(stepsToBatch(steps, 2)).toEqual({
    steps: 2,
    batchSize: 2,
    inputs: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    targets: Float32Array.of(0, 0, 9, 10),
    weights: Float32Array.of(0, 0, 1, 1),
  });
});

test('staleness restores the weights after an error', () => {
  const system = cell();
  const before = system.parameters.slice();
  const damaged = [...sequence().slice(0, 3), { input: [1, Number.NaN], target: [1] }];
  expect(thrown(() => staleness(tbptt({ k1: 1, k2: 1 }), system, damaged, { learningRate: 1 })).code).toBe(
    'INVALID_DATA',
  );
  expect(system.parameters).toEqual(before);
});

describe('a value out of range is rejected:', () => {
  test.each<[string, () => unknown]>([
    ['symbols', () => copyTask({ symbols: 2 ** 16 + 1, length: 1 }, 1, random())],
    ['steps', () => temporalOrderTask(2 ** 20 + 1, 1, random())],
    ['every', () => staleness(bptt(), cell(), sequence(), { learningRate: 1, every: 0 })],
    ['t1', () => delayedAddTask({ t1: -1, t2: 0 }, 1, random())],
    ['t2', () => delayedAddTask({ t1: 0, t2: 0.5 }, 1, random())],
    ['side of the matrix', () => singularValues(new Int8Array(4097 ** 2))],
    ['rows', () => copyTask({ symbols: 2, length: 1 }, 1e9, random())],
    ['batchSize * steps * width', () => temporalOrderTask(2 ** 20, 2 ** 20, random())],
    ['draws', () => compare([bptt()], cell(), sequence(), { draws: 0 })],
    ['seed', () => compare([bptt()], cell(), sequence(), { seed: 0.5 })],
    ['confidence', () => compare([bptt()], cell(), sequence(), { confidence: 2 })],
    ['count', () => lyapunovExponents([[1]], 2)],
    ['state', () => lagSpectrum(cell(), sequence(), { state: [1] })],
  ])('%s', (path, act) => {
    expect(thrown(act).message).toContain(`${path}`);
  });
});

describe('a misspelled option is an error of', () => {
  const options = { sead: 1, learningRte: 1 } as never;
  test.each<[string, () => unknown]>([
    ['compare', () => compare([bptt()], cell(), sequence(), options)],
    ['staleness', () => staleness(bptt(), cell(), sequence(), options)],
    ['lagSpectrum', () => lagSpectrum(cell(), sequence(), options)],
    ['unroll', () => unroll(cell(), bptt().start(cell(), random()), sequence(), options, () => {})],
    ['copyTask', () => copyTask({ symbols: 2, length: 1, ...(options as object) }, 1, random())],
    ['delayedAddTask', () => delayedAddTask({ t1: 1, t2: 1, ...(options as object) }, 1, random())],
    ['modelSystem', () => modelSystem(make(SPECS.plain!).model, options)],
    ['optimalPlan', () => optimalPlan(8, 4, options)],
    ['a step', () => gradientsByStep(cell(), [{ input: [1, 1], target: [1], weigths: [1] } as never])],
  ])('%s', (_, act) => {
    expect(thrown(act).message).toContain('unknown setting.');
  });

  test('hessianVector', async () => {
    const { model } = make(SPECS.plain!);
    const error = await rejected(() => hessianVector(model, {} as never, new Float64Array(model.size), options));
    expect(error.message).toContain('unknown setting.');
  });
});

describe('values of another kind are rejected by', () => {
  const wrong = [undefined, null, 1, 'text', {}, [], () => {}, new Map(), 1n, Symbol('s')] as never[];
  test.each<[string, (value: never) => unknown]>([
    ['a system', (value) => stateJacobians(value, sequence())],
    ['a sequence', (value) => compare([bptt()], cell(), [value])],
    ['an estimator', (value) => compare([value], cell(), sequence())],
    ['a generator of random numbers', (value) => bptt().start(cell(), value)],
    ['a step of a run', (value) => uoro().start(cell(), random()).step(value, sequence()[0]!)],
    ['a gradient of a run', (value) => uoro().start(cell(), random()).emit(value)],
    ['a state', (value) => cell().step(value, sequence()[0]!)],
    ['a matrix', (value) => singularValues(value)],
  ])('%s', (_, act) => {
    for (const value of wrong)
      expect(['INVALID_SETTING', 'INVALID_DATA', 'SHAPE_MISMATCH']).toContain(thrown(() => act(value)).code);
  });
});
