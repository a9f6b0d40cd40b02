import { describe, expect, test } from '@jest/globals';
import type { FloatArray, Precision } from '../../src/contract/kernels.js';
import { type Batch, Model } from '../../src/core/model.js';
import type { RngState } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { BatchSource } from '../../src/data/source.js';
import { TextStreams, textStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { sgd } from '../../src/optim/sgd.js';
import { evaluate } from '../../src/train/evaluate.js';
import {
  type FitOptions,
  fit,
  type Training,
  type TrainingEvent,
  type TrainingState,
} from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { testRandom } from '../support/random.js';

const TEXT = 'it was the best of times, it was the worst of times, it was the age of wisdom. '.repeat(3);
const [ROWS, STEPS] = [3, 5];

/** Four full batches an epoch however the text is cut, and held-out text with a partial batch at its end. */
const data = () => {
  const all = textStreams(TEXT, { batchSize: ROWS, steps: STEPS, validationSplit: 0 });
  const train = new TextStreams(all.train.tokens.subarray(0, ROWS * STEPS * 4 + STEPS + 1), ROWS, STEPS);
  const validation = new TextStreams(all.train.tokens.subarray(100, 100 + 2 * 12 + 1), 2, STEPS, true);
  return { vocabulary: all.vocabulary, train, validation };
};

const SIZE = data().vocabulary.size;

const SPEC: ModelSpec = {
  seed: 7,
  layers: [
    { kind: 'embedding', size: SIZE, width: 4 },
    { kind: 'lstm', hiddenSize: 6 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'linear', size: SIZE },
  ],
};

const newModel = (spec = SPEC, precision: Precision = 'float32') => new Model(createReference(precision), spec);

const collect = async (training: Training): Promise<TrainingEvent[]> => {
  const events: TrainingEvent[] = [];
  for await (const event of training) events.push(event);
  return events;
};

const kinds = (events: readonly TrainingEvent[]): string[] => events.map((e) => `${e.kind} ${e.update}`);

const parameters = (model: Model): Promise<FloatArray> => model.kernels.download(model.parameters.matrix);

/** A copy of the model with its parameters as they are now. */
async function clone(model: Model): Promise<Model> {
  const copy = new Model(createReference(model.kernels.precision), model.spec);
  for (const [name, values] of await model.parameters.download()) copy.parameters.set(name, values);
  return copy;
}

describe('events', () => {
  test('a step for each batch, then the epoch and its validation, then the end', async () => {
    const { train, validation } = data();
    const events = await collect(fit(newModel(), { train, validation }, { optimizer: adam(), epochs: 2 }));
    const epoch = (first: number) => [0, 1, 2, 3].map((i) => `update ${first + i}`);
    expect(kinds(events)).toEqual([
      ...[...epoch(1), 'epoch 4', 'validation 4'],
      ...[...epoch(5), 'epoch 8', 'validation 8'],
      'end 8',
    ]);
    expect(events.at(-1)).toEqual({ kind: 'end', reason: 'finished', update: 8 });
    const steps = events.flatMap((e) => (e.kind === 'update' ? [e] : []));
    expect(steps.map((e) => e.epoch)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    for (const e of steps) expect([e.updates, e.count]).toEqual([8, ROWS * STEPS]);
    for (const n of [0, 1]) {
      const mean = steps.slice(4 * n, 4 * n + 4).reduce((sum, e) => sum + e.loss, 0) / 4;
      const event = events.filter((e) => e.kind === 'epoch')[n]!;
      expect(event).toMatchObject({ epoch: n + 1 });
      expect(event.loss).toBeCloseTo(mean, 12);
    }
  });

  test('an untrained model starts at about the loss of guessing', async () => {
    const { train } = data();
    const [first] = await collect(fit(newModel(), { train }, { optimizer: adam(), maxUpdates: 1 }));
    expect(first!.kind).toBe('update');
    expect(Math.abs((first as { loss: number }).loss - Math.log(SIZE))).toBeLessThan(0.5);
  });

  test('no held-out data, no validation', async () => {
    const { train } = data();
    const training = fit(newModel(), { train }, { optimizer: adam(), validateEvery: 1 });
    expect(kinds(await collect(training))).toEqual([
      'update 1',
      'update 2',
      'update 3',
      'update 4',
      'epoch 4',
      'end 4',
    ]);
    expect(await training.validate()).toBeNull();
  });

  test('validateEvery counts updates over all epochs', async () => {
    const { train, validation } = data();
    const options = { optimizer: adam(), epochs: 2, validateEvery: 3 };
    const events = kinds(await collect(fit(newModel(), { train, validation }, options)));
    expect(events.filter((e) => e.startsWith('validation'))).toEqual([
      ...['validation 3', 'validation 4', 'validation 6', 'validation 8'],
    ]);
  });

  test('maxUpdates ends the training within an epoch, without its event', async () => {
    const { train } = data();
    const events = await collect(fit(newModel(), { train }, { optimizer: adam(), epochs: 3, maxUpdates: 6 }));
    expect(kinds(events)).toEqual([
      ...['update 1', 'update 2', 'update 3', 'update 4', 'epoch 4'],
      ...['update 5', 'update 6', 'end 6'],
    ]);
    expect(events.every((e) => e.kind !== 'update' || e.updates === 6)).toBe(true);
  });

  test('maxUpdates beyond the epochs changes nothing', async () => {
    const { train } = data();
    const training = fit(newModel(), { train }, { optimizer: adam(), maxUpdates: 100 });
    expect(training.updates).toBe(4);
    expect(kinds(await collect(training)).at(-1)).toBe('end 4');
  });

  test('validation tells the held-out loss of the parameters as they are, and does not disturb the training', async () => {
    const { train, validation } = data();
    const [watched, alone] = [newModel(), newModel()];
    const events = await collect(
      fit(watched, { train, validation }, { optimizer: adam(), epochs: 2, validateEvery: 1 }),
    );
    await collect(fit(alone, { train }, { optimizer: adam(), epochs: 2 }));
    expectSameBits(await parameters(watched), await parameters(alone));
    const last = events.filter((e) => e.kind === 'validation').at(-1)!;
    expect(last.loss).toBe(await evaluate(watched, validation));
  });

  test('the state is carried from batch to batch, but not into the next epoch', async () => {
    const { train } = data();
    const same: BatchSource = { stateful: true, length: train.length, batch: (i) => train.batch(i) };
    const model = newModel(SPEC, 'float64');
    const fromZero = async (index: number) => (await model.evaluate(same.batch(index))).loss;
    let zero = await fromZero(0);
    for await (const event of fit(model, { train: same }, { optimizer: adam(), epochs: 2 })) {
      if (event.kind !== 'update') continue;
      const first = (event.update - 1) % same.length === 0;
      if (first) expect(event.loss).toBeCloseTo(zero, 13);
      else expect(Math.abs(event.loss - zero)).toBeGreaterThan(1e-9);
      zero = await fromZero(event.update % same.length);
    }
  });

  test('it learns: a repeating text is predicted after a while', async () => {
    const text = 'abcd'.repeat(200);
    const { train, validation, vocabulary } = textStreams(text, { batchSize: 4, steps: 8 });
    const model = newModel({
      layers: [
        { kind: 'embedding', size: vocabulary.size, width: 3 },
        { kind: 'lstm', hiddenSize: 8 },
        { kind: 'linear', size: vocabulary.size },
      ],
    });
    const options = { optimizer: adam({ learningRate: 0.03 }), epochs: 3, clipNorm: 1 };
    const losses = (await collect(fit(model, { train, validation }, options))).filter((e) => e.kind === 'validation');
    expect(losses.at(-1)!.loss).toBeLessThan(0.1);
    expect(losses[0]!.loss).toBeGreaterThan(losses.at(-1)!.loss);
  });
});

describe('evaluate', () => {
  const batchOf = (targets: readonly number[], steps: number): Batch => ({
    steps,
    batchSize: 2,
    inputs: Int32Array.from(targets, (t) => Math.abs(t) % SIZE),
    targets: Int32Array.from(targets),
  });
  const source = (batches: readonly Batch[], stateful: boolean): BatchSource => ({
    stateful,
    length: batches.length,
    batch: (i) => batches[i]!,
  });

  test('is the mean over all targets, not over batches; a state is carried only where the source says so', async () => {
    const { validation } = data();
    const model = newModel(SPEC, 'float64');
    let sum = 0;
    let tape = null;
    const fresh: number[] = [];
    for (let i = 0; i < validation.length; i++) {
      const batch = validation.batch(i);
      const result = await model.evaluate(batch, { from: tape });
      sum += result.loss * batch.targets.length;
      fresh.push((await model.evaluate(batch)).loss * batch.targets.length);
      tape = result.tape;
    }
    expect(validation.length).toBe(3); // 5, 5 and 2 steps: the last batch weighs less
    expect(await evaluate(model, validation)).toBeCloseTo(sum / validation.predictions, 12);
    const stateless = source(
      [0, 1, 2].map((i) => validation.batch(i)),
      false,
    );
    const alone = fresh.reduce((a, b) => a + b, 0) / validation.predictions;
    expect(await evaluate(model, stateless)).toBeCloseTo(alone, 12);
    expect(Math.abs(alone - sum / validation.predictions)).toBeGreaterThan(1e-6);
  });

  test('targets that are ignored weigh nothing, also where a whole batch is', async () => {
    const model = newModel(SPEC, 'float64');
    const [a, nothing, b] = [batchOf([1, 2, 3, -1, 5, 6], 3), batchOf([-1, -1], 1), batchOf([4, -1, 2, 0], 2)];
    const [lossA, lossB] = [(await model.evaluate(a)).loss, (await model.evaluate(b)).loss];
    const mean = await evaluate(model, source([a, nothing, b], false));
    expect(mean).toBeCloseTo((5 * lossA + 3 * lossB) / 8, 12);
  });

  test('a loss that sums is told as its mean', async () => {
    const model = newModel(SPEC, 'float64');
    const { validation } = data();
    const sum = await evaluate(model, validation, { kind: 'crossEntropy', reduction: 'sum' });
    expect(sum).toBeCloseTo(await evaluate(model, validation, 'crossEntropy'), 12);
  });
});

describe('abort', () => {
  test('ends after the update that is under way; the parameters are those of that many updates', async () => {
    const { train } = data();
    const [model, other] = [newModel(), newModel()];
    const controller = new AbortController();
    const events: TrainingEvent[] = [];
    for await (const event of fit(model, { train }, { optimizer: adam(), epochs: 9, signal: controller.signal })) {
      events.push(event);
      if (event.update === 3) controller.abort();
    }
    expect(kinds(events)).toEqual(['update 1', 'update 2', 'update 3', 'end 3']);
    expect(events.at(-1)).toMatchObject({ reason: 'aborted' });
    await collect(fit(other, { train }, { optimizer: adam(), epochs: 9, maxUpdates: 3 }));
    expectSameBits(await parameters(model), await parameters(other));
  });

  test('a signal that is aborted from the start trains nothing', async () => {
    const { train } = data();
    const model = newModel();
    const before = await parameters(model);
    const events = await collect(fit(model, { train }, { optimizer: adam(), signal: AbortSignal.abort() }));
    expect(events).toEqual([{ kind: 'end', reason: 'aborted', update: 0 }]);
    expectSameBits(await parameters(model), before);
  });
});

describe('checkpoint and resume', () => {
  const options = (more: Partial<FitOptions> = {}): FitOptions => ({
    optimizer: adam({ learningRate: 0.01 }),
    epochs: 3,
    clipNorm: 0.5,
    ...more,
  });

  /** As a file would keep it: the generator as JSON. */
  const stored = (state: TrainingState): TrainingState => ({
    ...state,
    rng: JSON.parse(JSON.stringify(state.rng)) as RngState,
  });

  async function end(model: Model, training: Training) {
    const events = await collect(training);
    return { events, parameters: await parameters(model), state: await training.checkpoint() };
  }

  test('going on after any event gives the same bits: parameters, optimizer, generator and events', async () => {
    const source = data();
    expect(source.train.shuffled).toBeDefined();
    const whole = newModel();
    const expected = await end(whole, fit(whole, source, options()));
    const model = newModel();
    const training = fit(model, source, options());
    let seen = 0;
    for await (const event of training) {
      seen++;
      const copy = await clone(model);
      const resumed = fit(copy, source, options(), stored(await training.checkpoint()));
      const got = await end(copy, resumed);
      expectSameBits(got.parameters, expected.parameters);
      expect(got.state).toEqual(expected.state);
      expect(got.events).toEqual(event.kind === 'end' ? [event] : expected.events.slice(seen));
    }
    expect(seen).toBe(3 * (4 + 1 + 1) + 1);
  });

  test('the carried state, the order of the data and the optimizer all matter: without one, other bits', async () => {
    const source = data();
    const whole = newModel();
    const expected = await end(whole, fit(whole, source, options()));
    const model = newModel();
    const training = fit(model, source, options());
    for await (const event of training) if (event.update === 6) break;
    const state = await training.checkpoint();
    expect(state).toMatchObject({ update: 6, epoch: 2, batch: 2 });
    expect(state.carried!.map(({ h, c }) => [h.length, c.length])).toEqual([
      [ROWS * 6, ROWS * 6],
      [ROWS * 5, ROWS * 5],
    ]);
    const zeros = new Map([...state.optimizer].map(([name, v]) => [name, v.map(() => 0)]));
    const otherOrder = fit(newModel(), source, options({ seed: 99 }));
    const { rng } = await otherOrder.checkpoint();
    for (const broken of [
      { ...state, carried: null },
      { ...state, optimizer: zeros },
      { ...state, rng },
      { ...state, update: 5 },
    ]) {
      const copy = await clone(model);
      expect((await end(copy, fit(copy, source, options(), broken))).parameters).not.toEqual(expected.parameters);
    }
    const copy = await clone(model);
    expect((await end(copy, fit(copy, source, options(), state))).parameters).toEqual(expected.parameters);
  });

  test('a checkpoint is a copy: training on does not change it', async () => {
    const source = data();
    const training = fit(newModel(), source, options());
    let state: TrainingState | null = null;
    let kept = '';
    const text = (s: TrainingState) =>
      JSON.stringify({ ...s, optimizer: [...s.optimizer].map(([n, v]) => [n, [...v]]) });
    for await (const event of training) {
      if (event.kind !== 'update' || event.update !== 2) continue;
      state = await training.checkpoint();
      kept = text(state);
    }
    expect(text(state!)).toBe(kept);
    expect(text(await training.checkpoint())).not.toBe(kept);
  });

  test('iterating again after a break goes on where it stopped', async () => {
    const source = data();
    const whole = newModel();
    const expected = await end(whole, fit(whole, source, options()));
    const model = newModel();
    const training = fit(model, source, options());
    for (const stop of [2, 5, 6]) {
      for await (const event of training) if (event.kind === 'update' && event.update === stop) break;
    }
    const got = await end(model, training);
    expectSameBits(got.parameters, expected.parameters);
    expect(got.state).toEqual(expected.state);
  });

  test('a finished training that is resumed does nothing', async () => {
    const source = data();
    const model = newModel();
    const training = fit(model, source, options());
    await collect(training);
    const before = await parameters(model);
    const again = fit(model, source, options(), await training.checkpoint());
    expect(kinds(await collect(again))).toEqual(['end 12']);
    expectSameBits(await parameters(model), before);
  });

  test('more epochs after the end go on as if there had been more from the start', async () => {
    const source = data();
    const whole = newModel();
    const expected = await end(whole, fit(whole, source, options({ epochs: 4 })));
    const model = newModel();
    const training = fit(model, source, options({ epochs: 2 }));
    await collect(training);
    const got = await end(model, fit(model, source, options({ epochs: 4 }), stored(await training.checkpoint())));
    expectSameBits(got.parameters, expected.parameters);
    expect(got.state).toEqual(expected.state);
  });

  test('another order of data with another seed, the same with the same', async () => {
    const run = async (seed: number) => {
      const model = newModel();
      await collect(fit(model, data(), options({ seed })));
      return parameters(model);
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  describe('a checkpoint of another training is refused', () => {
    const made = async () => {
      const training = fit(newModel(), data(), options());
      for await (const event of training) if (event.update === 2) break;
      return training.checkpoint();
    };
    const resume = (state: TrainingState, model = newModel(), optimizer: Optimizer = adam()) =>
      problemOf(
        thrown(() => fit(model, data(), options({ optimizer }), state)),
        'INVALID_DATA',
      );

    test('another optimizer', async () => {
      const problem = resume(await made(), newModel(), sgd({ learningRate: 0.1, momentum: 0.9 }));
      expect(problem).toMatchObject({ what: 'checkpoint', problem: 'it has no optimizer state "velocity".' });
    });

    test('a model of another size', async () => {
      const wider = { ...SPEC, layers: SPEC.layers.map((l) => (l.kind === 'lstm' ? { ...l, hiddenSize: 8 } : l)) };
      expect(resume(await made(), newModel(wider)).problem).toMatch(
        /^its optimizer state "m" has \d+ numbers, not \d+\.$/,
      );
    });

    test('a state of another batch size, or of fewer layers', async () => {
      const state = await made();
      const longer = state.carried!.map(({ h, c }) => ({ h: new Float32Array(2 * h.length), c }));
      expect(resume({ ...state, carried: longer }).problem).toContain('carried state of layer lstm is not [3, 6]');
      const fewer = state.carried!.slice(0, 1);
      expect(resume({ ...state, carried: fewer }).problem).toContain('carried state of layer lstm_l1 is not [3, 5]');
    });
  });
});

describe('numbers that are not finite', () => {
  const VALUES: ModelSpec = {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'linear', size: 2 },
    ],
  };
  /** Three batches of values; `spoil` may change one number of the inputs or targets. */
  const values = (spoil: (batch: { inputs: number[]; targets: number[] }, index: number) => void): BatchSource => {
    const random = testRandom(4);
    const batches = [0, 1, 2].map((i) => {
      const batch = { inputs: random.normals(5 * 2 * 3), targets: random.normals(5 * 2 * 2) };
      spoil(batch, i);
      return { steps: 5, batchSize: 2, ...batch };
    });
    return { stateful: false, length: 3, batch: (i) => batches[i]! };
  };
  const nothing = values(() => {});

  /** Runs until it throws; says what, and whether the parameters are those that the step before left. */
  async function failure(model: Model, train: BatchSource, options: FitOptions) {
    let before = await parameters(model);
    const training = fit(model, { train }, options);
    const error = await rejected(async () => {
      for await (const event of training) if (event.kind === 'update') before = await parameters(model);
    });
    expectSameBits(await parameters(model), before);
    return { problem: problemOf(error, 'NOT_FINITE'), message: error.message };
  }

  test('a learning rate that is far too large: the gate, the time step, the unit', async () => {
    const { train } = data();
    const options = { optimizer: adam({ learningRate: 1e200 }) };
    const { problem, message } = await failure(newModel(SPEC, 'float64'), train, options);
    expect(problem).toMatchObject({ update: 2, tensor: 'input gate i of layer lstm', value: Number.NaN });
    expect(problem.where).toMatch(/^at time step 0, row \d, unit \d$/);
    expect(message).toMatch(/^update 2: input gate i .* became NaN at time step 0, .*Lower the learning rate/);
  });

  test('a learning rate of 1e30 in float32: the squared error overflows', async () => {
    const { problem } = await failure(newModel(VALUES), nothing, { optimizer: sgd({ learningRate: 1e30 }) });
    expect(problem).toMatchObject({ update: 2, tensor: 'loss', value: Number.POSITIVE_INFINITY });
  });

  test('a NaN in a weight is named with its place', async () => {
    const model = newModel(VALUES);
    model.parameters.get('lstm.weight_hh_l0').set(9, 2, Number.NaN);
    const { problem, message } = await failure(model, nothing, { optimizer: adam() });
    expect(problem).toMatchObject({ update: 1, tensor: 'parameter lstm.weight_hh_l0', where: 'at row 9, column 2' });
    expect(message).toContain('update 1: parameter lstm.weight_hh_l0 became NaN at row 9, column 2.');
  });

  test.each([
    [0, 'input gate i'],
    [1, 'forget gate f'],
    [2, 'candidate g'],
    [3, 'output gate o'],
  ])('gate %d is named %s, with the time step at which it first goes wrong', async (gate, name) => {
    const k = createReference('float64');
    let calls = 0;
    const model = new Model(
      {
        ...k,
        lstmCell: (y, cPrev) => {
          k.lstmCell(y, cPrev);
          if (calls++ === 3) k.host(y.gates)![1 * 16 + gate * 4 + 2] = Number.NaN;
        },
      },
      VALUES,
    );
    // Written when c and h of the step are done, so that this gate is the only number of the forward pass that shows it.
    const { problem } = await failure(model, nothing, { optimizer: adam() });
    expect(problem.tensor).toBe(`${name} of layer lstm`);
    expect(problem.where).toBe('at time step 3, row 1, unit 2');
  });

  test.each([
    ['c', 'cell state c'],
    ['h', 'output h'],
  ] as const)('%s is named, with its time step', async (part, name) => {
    const k = createReference('float64');
    let calls = 0;
    const spoiling = {
      ...k,
      lstmCell: (y: Parameters<typeof k.lstmCell>[0], cPrev: Parameters<typeof k.lstmCell>[1]) => {
        k.lstmCell(y, cPrev);
        if (calls++ === 2) k.host(y[part])![1 * 4 + 3] = Number.POSITIVE_INFINITY;
      },
    };
    // Infinity in c passes as 1 through tanh, so the gate before it stays finite: only c shows it.
    const { problem } = await failure(new Model(spoiling, VALUES), nothing, { optimizer: adam() });
    expect(problem).toMatchObject({ tensor: `${name} of layer lstm`, value: Number.POSITIVE_INFINITY });
    expect(problem.where).toBe('at time step 2, row 1, column 3');
  });

  test.each([Number.POSITIVE_INFINITY, Number.NaN])('%d among the inputs is named with its place', async (bad) => {
    const source = values((batch, i) => {
      if (i === 1) batch.inputs[(3 * 2 + 1) * 3 + 2] = bad; // step 3, row 1, column 2
    });
    const { problem, message } = await failure(newModel(VALUES), source, { optimizer: adam() });
    expect(problem).toMatchObject({ update: 2, tensor: 'the input', value: bad });
    expect(problem.where).toBe('at time step 3, row 1, column 2');
    expect(message).toContain('look at the data');
  });

  test('a target that is not finite', async () => {
    const source = values((batch, i) => {
      if (i === 2) batch.targets[5] = Number.NaN;
    });
    const { problem, message } = await failure(newModel(VALUES), source, { optimizer: adam() });
    expect(problem).toMatchObject({ update: 3, tensor: 'loss' });
    expect(message).toContain('Are all targets finite?');
  });

  test('a gradient that is not finite under a loss that is', async () => {
    const k = createReference('float64');
    const broken = {
      ...k,
      sumRows: (out: Parameters<typeof k.sumRows>[0], a: Parameters<typeof k.sumRows>[1]) => {
        k.sumRows(out, a);
        if (out.cols === 16) k.host(out)![13] = Number.NaN;
      },
    };
    const { problem } = await failure(new Model(broken, VALUES), nothing, { optimizer: adam(), clipNorm: 1 });
    expect(problem).toMatchObject({ update: 1, tensor: 'gradient of lstm.bias_ih_l0', value: Number.NaN });
  });

  test('the optimizer is left as it was, too', async () => {
    const source = values((batch, i) => {
      if (i === 2) batch.inputs[0] = Number.NaN;
    });
    const [bad, good] = [newModel(VALUES), newModel(VALUES)];
    const training = fit(bad, { train: source }, { optimizer: adam() });
    await rejected(() => collect(training));
    const short = fit(good, { train: nothing }, { optimizer: adam(), maxUpdates: 2 });
    await collect(short);
    expect((await training.checkpoint()).optimizer).toEqual((await short.checkpoint()).optimizer);
    expect((await training.checkpoint()).update).toBe(2);
    expectSameBits(await parameters(bad), await parameters(good));
  });
});

describe('options', () => {
  test.each([
    ['epochs', { epochs: 0 }],
    ['epochs', { epochs: 1.5 }],
    ['maxUpdates', { maxUpdates: 0 }],
    ['validateEvery', { validateEvery: -1 }],
    ['clipNorm', { clipNorm: 0 }],
    ['clipNorm', { clipNorm: Number.NaN }],
    ['clipValue', { clipValue: -1 }],
  ])('%s: %o is refused', (path, more) => {
    const error = thrown(() => fit(newModel(), data(), { optimizer: adam(), ...more }));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  });

  test('clipNorm bounds the step, and the event tells the norm before it', async () => {
    const { train } = data();
    const moved = async (clipNorm: number) => {
      const model = newModel(SPEC, 'float64');
      const before = await parameters(model);
      const [event] = await collect(
        fit(model, { train }, { optimizer: sgd({ learningRate: 1 }), maxUpdates: 1, clipNorm }),
      );
      const after = await parameters(model);
      return { event, distance: Math.hypot(...before.map((v: number, i: number) => v - after[i]!)) };
    };
    const [clipped, free] = [await moved(0.01), await moved(1e6)];
    expect(clipped.distance).toBeCloseTo(0.01, 5);
    expect(free.distance).toBeGreaterThan(0.1);
    for (const { event } of [clipped, free]) {
      expect((event as { gradientNorm: number }).gradientNorm).toBeCloseTo(free.distance, 10);
    }
  });

  test('clipValue bounds every element of the step, and comes before the norm', async () => {
    const { train } = data();
    const model = newModel(SPEC, 'float64');
    const before = await parameters(model);
    const options = { optimizer: sgd({ learningRate: 1 }), maxUpdates: 1, clipValue: 0.001 };
    const [event] = await collect(fit(model, { train }, options));
    const after = await parameters(model);
    const step = Array.from(before, (v: number, i) => v - after[i]!);
    expect(Math.max(...step.map(Math.abs))).toBeCloseTo(0.001, 10);
    expect((event as { gradientNorm: number }).gradientNorm).toBeCloseTo(Math.hypot(...step), 10);
  });
});

test('a last update that overflows is not passed off as a finished training', async () => {
  const model = new Model(createReference('float32'), { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 2 }] });
  const batch = { steps: 3, batchSize: 2, inputs: [1, 2, 3, 4, 5, 6], targets: new Array(12).fill(1) };
  const train = { stateful: false, length: 1, batch: () => batch };
  const error = await rejected(async () => {
    for await (const _ of fit(model, { train }, { optimizer: sgd({ learningRate: 1e300 }) }));
  });
  expect(problemOf(error, 'NOT_FINITE')).toMatchObject({
    update: 1,
    tensor: expect.stringContaining('parameter lstm.'),
  });
});
