/** What the public calls of estimators reject, and the costs that they report. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { UnspoolError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import * as lab from '../../src/lab/index.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { make, SPECS } from './support.js';

const { ESTIMATORS, parseEstimator, unroll, estimatorGradient, batchToSteps, modelSystem, cellSystem } = lab;
const WRONG: readonly unknown[] = [null, Number.NaN, '3', -1e9, Number.POSITIVE_INFINITY, [], {}, 3n, () => 3];
const VALID: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  adaptiveTbptt: { bias: 0.1, max: 10 },
  artbp: { cut: 0.1 },
  checkpointed: { steps: 4, memory: 0.5 },
  deer: { tolerance: 1e-6 },
  evolution: { particles: 4, sigma: 0.1 },
  hDetach: { rate: 0.5 },
  ok: { rank: 2 },
  pes: { particles: 4, sigma: 0.1 },
  quasiDeer: { tolerance: 1e-6 },
  randomizedTelescope: { keep: 0.5 },
  snap: { n: 1 },
  syntheticGradients: { k: 3, rate: 0.1 },
  tbptt: { k1: 2, k2: 4 },
};
const factory = (name: string) => ESTIMATORS[name] as unknown as (settings?: unknown) => lab.GradientEstimator;

describe.each(Object.keys(ESTIMATORS))('%s', (name) => {
  const settings = VALID[name] ?? {};

  test('rejects settings that it does not have, and suggests the one that is meant', () => {
    expect(Object.keys(settings).sort()).toEqual([...ESTIMATORS[name]!.settings].sort());
    expect(thrown(() => factory(name)({ ...settings, nothing: 1 })).problem).toMatchObject({
      code: 'INVALID_SETTING',
      path: `${name}.nothing`,
    });
    for (const key of Object.keys(settings).filter((key) => key.length > 3)) {
      const { [key]: value, ...rest } = settings;
      expect(thrown(() => factory(name)({ ...rest, [`${key}s`]: value })).message).toContain(`Did you mean "${key}"?`);
    }
  });

  test('rejects null, NaN and other kinds as settings, and other things than a list of settings', () => {
    for (const key of Object.keys(settings)) {
      for (const value of WRONG) {
        expect(thrown(() => factory(name)({ ...settings, [key]: value })).code).toBe('INVALID_SETTING');
      }
    }
    for (const value of [null, 3, 'k1=2', [1], new Float32Array(2)]) {
      expect(thrown(() => factory(name)(value)).code).toBe('INVALID_SETTING');
    }
  });

  test('rejects what is not a system', () => {
    const estimator = factory(name)(VALID[name]);
    for (const value of [undefined, null, 3, {}, { ...make(SPECS.plain!).system, stateSize: Number.NaN }]) {
      expect(thrown(() => estimator.start(value as lab.System, createRng(1, 'x'))).code).toBe('INVALID_SETTING');
    }
  });
});

test('ways to choose a storage plan: one, with its own settings, and a consistent plan', () => {
  const steps = 4;
  const plan = lab.keepAll(steps);
  const wrong: object[] = [
    { steps },
    { steps, memory: 0.5, segment: 2 },
    { steps, segment: 2, slots: 3 },
    { steps, policy: 'sqrt', slots: 3 },
    { steps, policy: 'optimal' },
    { steps, policy: 'revolve', slots: 0 },
    { steps, policy: 'best', slots: 3 },
    { steps, plan: 5 },
    { steps, plan: { ...plan, orders: null } },
    { steps, plan: { ...plan, orders: [null] } },
    { steps, plan: { ...plan, orders: [{ kind: 'Tape' }] } },
    { steps: 5, plan },
    { steps, plan: { ...plan, orders: plan.orders.slice(1) } },
  ];
  for (const options of wrong) {
    expect(() => lab.checkpointed(options as lab.CheckpointOptions)).toThrow(UnspoolError);
  }
  const orders = [...plan.orders];
  const made = lab.checkpointed({ steps, plan: { ...plan, orders } });
  orders.length = 0; // has no effect
  const { system, sequence } = make(SPECS.plain!, { steps });
  unroll(system, made.start(system, createRng(1, 'x')), sequence, {}, (gradient) =>
    expect(gradient.some((v) => v)).toBe(true),
  );
});

test('parseEstimator rejects other kinds, names that do not exist, and settings twice', () => {
  for (const text of [undefined, null, 3, {}, [], () => 3, Symbol('x')]) {
    expect(thrown(() => parseEstimator(text as string)).code).toBe('INVALID_SETTING');
  }
  expect(thrown(() => parseEstimator('tbpt:k1=1,k2=1')).message).toContain('Did you mean "tbptt"?');
  expect(thrown(() => parseEstimator('adaptiveTbptt:bia=1,max=1')).message).toContain('Did you mean "bias"?');
  expect(thrown(() => parseEstimator('tbptt:k1=1,k1=2,k2=3')).message).toContain('sets k1 twice');
});

describe('unroll and the systems reject', () => {
  const { system, sequence } = make(SPECS.plain!, { steps: 3 });
  const run = () => lab.bptt().start(system, createRng(1, 'x'));
  const none = (): void => {};
  const cases: [string, () => unknown][] = [
    ['a system', () => unroll(null as never, run(), sequence, {}, none)],
    ['a run', () => unroll(system, {} as never, sequence, {}, none)],
    ['a sequence', () => unroll(system, run(), 5 as never, {}, none)],
    ['options', () => unroll(system, run(), sequence, null as never, none)],
    ['an option', () => unroll(system, run(), sequence, { evry: 2 } as never, none)],
    ['every', () => unroll(system, run(), sequence, { every: 0.5 }, none)],
    ['a state that is too short', () => unroll(system, run(), sequence, { state: [1] }, none)],
    ['a state of null', () => unroll(system, run(), sequence, { state: new Array(8).fill(null) }, none)],
    ['a gradient of another size', () => unroll(system, run(), sequence, { gradient: new Float64Array(3) }, none)],
    ['a gradient of integers', () => unroll(system, run(), sequence, { gradient: new Int32Array(3) as never }, none)],
    ['a receiver', () => unroll(system, run(), sequence, {}, undefined as never)],
    ['a step', () => unroll(system, run(), [null as never], {}, none)],
    ['an input', () => unroll(system, run(), [{ input: [1, 2], target: null }], {}, none)],
    ['a model', () => modelSystem(undefined as never)],
    ['options of a system', () => modelSystem(make(SPECS.plain!).model, { rows: 2 } as never)],
    ['a loss of whole sequences', () => modelSystem(make(SPECS.plain!).model, { loss: 'ctc' })],
    ['a cotangent', () => system.step(system.initial(), sequence[0]!).vjp([1], null)],
    ['a tangent', () => system.step(system.initial(), sequence[0]!).jvp(null as never, null)],
    ['a gradient', () => system.step(system.initial(), sequence[0]!).lossGradient([] as never)],
    ['a cell', () => cellSystem(5 as never, lab.squaredErrorReadout(2, 1))],
    ['a readout', () => cellSystem(lab.rnnCell(1, 2), { parameterCount: 1 } as never)],
    ['theta', () => cellSystem(lab.rnnCell(1, 2), lab.squaredErrorReadout(2, 1), [1])],
    ['sizes', () => lab.rnnCell(-1, 2)],
    ['a size', () => lab.squaredErrorReadout(2, Number.NaN)],
    ['a trajectory', () => lab.solveTrajectory(system, null as never)],
    ['options of a trajectory', () => lab.solveTrajectory(system, sequence, { method: 'newton' as never })],
    ['an option of a trajectory', () => lab.solveTrajectory(system, sequence, { maxIteration: 3 } as never)],
    ['the first state of a trajectory', () => lab.solveTrajectory(system, sequence, {}, [1])],
    ['options of a plan', () => lab.optimalPlan(4, 3, { entrys: 3 } as never)],
    ['a cost of entries', () => lab.planCost(lab.keepAll(3), Number.NaN)],
    ['a batch', () => batchToSteps({ steps: 2, batchSize: 2, inputs: [1, 2, 3], targets: [1] }, 'crossEntropy')],
    [
      'a key of a batch',
      () => batchToSteps({ steps: 1, batchSize: 1, inputs: [1], targets: [1], length: 1 } as never, 'crossEntropy'),
    ],
    ['a batch of null', () => batchToSteps(null as never, 'crossEntropy')],
    ['ctc', () => batchToSteps({ steps: 1, batchSize: 1, inputs: [1], targets: [1] }, 'ctc')],
  ];
  test.each(cases)('%s', (_, act) => {
    thrown(act);
  });
});

describe('an estimator as the gradient of fit', () => {
  const batch = { steps: 3, batchSize: 2, inputs: new Array(18).fill(0.5), targets: new Array(12).fill(1) };
  const train = async (broken: object, gradient: FitOptions['gradient'] | null) => {
    const model = buildModel(createReference('float64'), SPECS.plain!);
    const source = { stateful: false, length: 1, batch: () => ({ ...batch, ...broken }) };
    const options = { optimizer: sgd({ learningRate: 0.1 }), ...(gradient && { gradient }) };
    for await (const _ of fit(model, { train: source }, options));
  };

  test('rejects other kinds', () => {
    for (const value of [undefined, null, 3, {}, { ...lab.bptt(), every: 0 }, lab.bptt]) {
      expect(thrown(() => estimatorGradient(value as never)).code).toBe('INVALID_SETTING');
    }
  });

  test.each<[string, object]>([
    ['too few inputs', { inputs: [1] }],
    ['null among the inputs', { inputs: [...batch.inputs.slice(0, 7), null, ...batch.inputs.slice(8)] }],
    ['NaN among the targets', { targets: [...batch.targets.slice(0, 5), Number.NaN, ...batch.targets.slice(6)] }],
    ['a negative weight', { weights: [1, 1, 1, -1, 1, 1] }],
    ['a length past the end', { lengths: [3, 4] }],
  ])('rejects %s with the error of the exact gradient', async (_, broken) => {
    const exact = await rejected(() => train(broken, null));
    expect((await rejected(() => train(broken, estimatorGradient(lab.bptt())))).problem).toEqual(exact.problem);
  });

  test('rejects a token out of range at its place in the batch', async () => {
    const model = buildModel(createReference('float64'), SPECS.tokens!);
    const tokens = { steps: 3, batchSize: 2, inputs: [0, 1, 2, 3, 5, 4], targets: new Int32Array(6) };
    const pass = { tape: model.tape({ steps: 1, batchSize: 2 }), gradients: model.arena() };
    const error = await rejected(() => estimatorGradient(lab.bptt())(model, tokens, pass));
    expect(error.message).toContain('inputs[4] (step 2, sequence 0) must be an integer from 0 to 4, got 5.');
  });

  test('rejects what another estimator has learned', async () => {
    const gradient = estimatorGradient(lab.syntheticGradients({ k: 2 }));
    gradient.restore!([1, 2, 3]);
    // Without `restore`, which a new training calls to start afresh.
    const { problem } = await rejected(() => train({}, (...args) => gradient(...args)));
    expect(problem).toMatchObject({ code: 'INVALID_SETTING', path: 'gradient' });
  });
});

describe('reported memory, in numbers', () => {
  const { system, sequence } = make(SPECS.plain!, { steps: 4 });
  const { stateSize: S } = system;
  const P = system.parameters.length;
  const inputs = system.step(system.initial(), sequence[0]!).units!.inputs.length;
  const floatsAfter = (estimator: lab.GradientEstimator, count: number): number => {
    const run = estimator.start(system, createRng(1, 'x'));
    let state: ArrayLike<number> = system.initial();
    for (const data of sequence.slice(0, count)) {
      const step = system.step(state, data);
      state = step.state;
      run.step(step, data);
    }
    return run.cost.floats;
  };

  test.each<[string, lab.GradientEstimator, number]>([
    ['rtrl: two (S, P) matrices', lab.rtrl(), 2 * S * P],
    ['ok: the sum, and 2r + 1 pairs of factors', lab.ok({ rank: 2 }), P + 5 * (inputs + S * 4 * (S / 2))],
    ['randomizedTelescope: 3 S for each step', lab.randomizedTelescope({ keep: 0.5 }), 3 * 3 * S],
  ])('%s', (_, estimator, floats) => {
    expect(floatsAfter(estimator, 3)).toBe(floats);
  });
});

test('checkpointed: reset() in the middle of a sequence releases its steps, and the next sequence is exact', () => {
  const { system, sequence } = make(SPECS.stacked!, { batchSize: 2, steps: 9 });
  const [live, known] = [new Set<lab.SystemStep>(), new Set<lab.SystemStep>()];
  const counting: lab.System = {
    ...system,
    batchSize: system.batchSize,
    initial: () => system.initial(),
    changed: () => system.changed(),
    dispose: () => system.dispose(),
    step(state, data) {
      const step = system.step(state, data);
      live.add(step);
      if (known.has(step)) return step; // a step that was released is used again
      known.add(step);
      const release = step.release.bind(step);
      step.release = () => {
        live.delete(step);
        release();
      };
      return step;
    },
  };
  const estimator = lab.checkpointed({ steps: 9, memory: 0.6 });
  const gradientOf = (run: lab.EstimatorRun) => {
    let found: number[] = [];
    unroll(counting, run, sequence, {}, (gradient) => (found = [...gradient]));
    return { found, floats: run.cost.floats };
  };
  const expected = gradientOf(estimator.start(counting, createRng(1, 'x')));
  expect(live.size).toBe(0);
  const run = estimator.start(counting, createRng(1, 'x'));
  let state: ArrayLike<number> = system.initial();
  for (const data of sequence.slice(0, 8)) {
    const step = counting.step(state, data);
    state = step.state.slice();
    run.step(step, data);
  }
  expect(live.size).toBeGreaterThan(0);
  run.reset();
  expect(live.size).toBe(0);
  expect(gradientOf(run)).toEqual(expected);
});

test('the readout of the plain RNN: the gradient of the state is the same without a gradient of theta', () => {
  const readout = lab.squaredErrorReadout(3, 2);
  const theta = Float64Array.from({ length: readout.parameterCount }, (_, i) => Math.sin(i));
  const gradient = new Float64Array(theta.length);
  const withTheta = readout.gradient(theta, [0.1, 0.2, 0.3], [1, -1], gradient);
  expect(gradient.every((v) => v !== 0)).toBe(true);
  expect(readout.gradient(theta, [0.1, 0.2, 0.3], [1, -1], null)).toEqual(withTheta);
});
