/** What the calls on a model accept: options, states to start from, and specs. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/batch.js';
import type { StartState } from '../../src/core/tape.js';
import { type CreateOptions, createModel, deserializeModel, estimateMemory } from '../../src/create.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { type BackendOptions, describeBackend, selectKernels } from '../../src/kernels/select.js';
import { problemOf, rejected } from '../support/errors.js';
import { testRandom } from '../support/random.js';

const SPEC = {
  inputSize: 2,
  layers: [
    { kind: 'lstm' as const, hiddenSize: 3 },
    { kind: 'linear' as const, size: 2 },
  ],
};
const EXACT: CreateOptions = { backend: 'reference', precision: 'float64' };
const [T, N] = [4, 2];
const random = testRandom(4);
const inputs = random.normals(T * N * 2);
const targets = random.normals(T * N * 2);
const batch: Batch = { steps: T, batchSize: N, inputs, targets };

test('unknown options and batch keys are errors that name the option that is meant', async () => {
  const model = await createModel(SPEC, EXACT);
  const bytes = await serializeModel(model);
  const loose = <T>(value: unknown): T => value as T;
  const calls: [() => unknown, path: string, meant: string | null][] = [
    [() => createModel(SPEC, loose({ dtype: 'float64' })), 'options.dtype', 'precision'],
    [() => createModel(SPEC, loose({ device: 'gpu' })), 'options.device', 'backend'],
    [() => deserializeModel(bytes, loose({ bakend: 'wasm' })), 'options.bakend', 'backend'],
    [() => selectKernels(loose({ thread: 2 })), 'options.thread', 'threads'],
    [async () => describeBackend(loose({ dtype: 'float64' })), 'options.dtype', 'precision'],
    [() => estimateMemory(SPEC, batch, loose({ optimiser: null })), 'options.optimiser', 'optimizer'],
    [() => model.predict(inputs, loose({ batch: 2 })), 'options.batch', 'batchSize'],
    [() => model.predict(inputs, loose({ batch_first: true })), 'options.batch_first', 'batchFirst'],
    [() => model.predict(inputs, loose({ state: null })), 'options.state', null],
    [() => model.evaluate(batch, loose({ losses: 'ctc' })), 'options.losses', 'loss'],
    [() => model.gradients(batch, loose({ gradient: null })), 'options.gradient', 'gradients'],
    [() => model.evaluate(batch, loose({ gradients: null })), 'options.gradients', null],
    [async () => model.tape(batch, loose({ length: true })), 'options.length', 'lengths'],
    [() => model.evaluate(loose({ ...batch, mask: [1, 0] })), 'batch.mask', 'weights'],
    [() => model.gradients(loose({ ...batch, rows: 2 })), 'batch.rows', null],
  ];
  for (const [call, path, meant] of calls) {
    const error = await rejected(async () => call());
    expect([path, problemOf(error, 'INVALID_SETTING').path]).toEqual([path, path]);
    if (meant !== null) expect(error.message).toContain(`Did you mean "${meant}"?`);
  }
});

test('arguments of a wrong kind are errors of this package', async () => {
  const model = await createModel(SPEC, EXACT);
  const junk: unknown[] = [null, 0, 1n, 'x', true, [], [null], () => 1, new Float32Array(3), new BigInt64Array(4)];
  for (const value of junk as never[]) {
    const calls: [string, () => unknown][] = [
      ['predict', () => model.predict(value)],
      ['predict options', () => model.predict(inputs, value === (true as never) ? (1 as never) : value)],
      ['predict batchSize', () => model.predict(inputs, { batchSize: value })],
      ['predict lengths', () => model.predict(inputs, { batchSize: N, lengths: value })],
      ['evaluate', () => model.evaluate(value)],
      ['evaluate loss', () => model.evaluate(batch, { loss: value ?? 'x' })],
      ['evaluate noise', () => model.evaluate(batch, { noise: value ?? 'x' })],
      ['evaluate tape', () => model.evaluate(batch, { tape: typeof value === 'boolean' ? (0 as never) : value })],
      ['gradients', () => model.gradients(value)],
      ['gradients gradients', () => model.gradients(batch, { gradients: value })],
      ['tape', () => model.tape(value)],
      ['stream', () => model.stream(value)],
      ['createModel', () => createModel(value)],
      ['createModel kernels', () => createModel(SPEC, { kernels: value })],
      ['createModel measure', () => createModel(SPEC, { measure: typeof value === 'function' ? (0 as never) : value })],
      ['createModel backend', () => createModel(SPEC, { backend: value })],
      ['createModel precision', () => createModel(SPEC, { precision: value })],
      ['deserializeModel', () => deserializeModel(value)],
      ['estimateMemory', () => estimateMemory(SPEC, value)],
    ];
    for (const [name, call] of calls) {
      const error = await rejected(async () => call()).catch((raw: unknown) => raw);
      expect([name, String(value), (error as Error).name]).toEqual([name, String(value), 'UnspoolError']);
    }
  }
});

describe('from', () => {
  const head = inputs.slice(0, 2 * N * 2);
  const rest = inputs.slice(2 * N * 2);

  test('accepts a prediction state, one { h, c }, a list, tape.states and a tape, in every call', async () => {
    const model = await createModel(SPEC, EXACT);
    const { state, tape } = await model.predict(head, { batchSize: N, tape: true });
    const [only] = state;
    const starts: StartState[] = [state, only!, [only!], tape.states, tape.states[0]!, tape];
    const whole = await model.predict(inputs, { batchSize: N });
    const wanted = whole.output.lo(2).toArray();
    const part = { steps: 2, batchSize: N, inputs: rest, targets: targets.slice(2 * N * 2) };
    const losses = new Set<number>();
    for (const from of starts) {
      const { output } = await model.predict(rest, { batchSize: N, from });
      const close = output.toArray().flat(2);
      for (const [i, v] of wanted.flat(2).entries()) expect(close[i]).toBeCloseTo(v, 13);
      losses.add((await model.evaluate(part, { from })).loss);
      losses.add((await model.gradients(part, { from })).loss);
    }
    expect(losses.size).toBe(1);
    expect(losses).not.toContain((await model.evaluate(part)).loss);
  });

  test('a state of another shape or kind is an error that names it', async () => {
    const model = await createModel(SPEC, EXACT);
    const two = await createModel({ inputSize: 2, layers: [...SPEC.layers.slice(0, 1), ...SPEC.layers] }, EXACT);
    const wide = await createModel({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 5 }] }, EXACT);
    const { state } = await model.predict(head, { batchSize: N });
    const good = state[0]!;
    const [h, c] = [[...good.h], [...good.c]];
    const cases: [unknown, code: string, text: string][] = [
      [(await wide.predict(head, { batchSize: N })).state, 'SHAPE_MISMATCH', 'h of lstm'],
      [(await two.predict(head, { batchSize: N })).state, 'SHAPE_MISMATCH', 'the list of states'],
      [(await model.predict(head)).state, 'SHAPE_MISMATCH', 'h of lstm'],
      [[], 'SHAPE_MISMATCH', 'the list of states'],
      [{ h }, 'INVALID_DATA', 'from.c must be an array'],
      [[{ h, c: null }], 'INVALID_DATA', 'from[0].c must be an array'],
      [[{ h: [...h.slice(1), Number.NaN], c }], 'INVALID_DATA', 'from[0].h[5] must be a finite number, got NaN'],
      [[{ h: [...h.slice(1), '1'], c }], 'INVALID_DATA', 'from[0].h[5] must be a finite number, got "1"'],
      [[{ h: new BigInt64Array(6), c }], 'INVALID_DATA', 'from[0].h must be an array or typed array of numbers'],
      [[{ h, c, cell: 1 }], 'INVALID_SETTING', 'from[0].cell: unknown setting.'],
      [[undefined], 'INVALID_SETTING', 'from[0] must be an object, got undefined'],
      ['zero', 'INVALID_SETTING', 'from must be a state { h, c }'],
      [7n, 'INVALID_SETTING', 'from must be a state { h, c }'],
      [{ output: 1, state }, 'INVALID_SETTING', 'from.output: unknown setting.'],
    ];
    for (const [from, code, text] of cases) {
      for (const call of [
        () => model.predict(rest, { batchSize: N, from: from as StartState }),
        () => model.evaluate(batch, { from: from as StartState }),
        () => model.gradients(batch, { from: from as StartState }),
      ]) {
        const error = await rejected(call);
        expect([error.code, error.message]).toEqual([code, expect.stringContaining(text)]);
      }
    }
    expect((await model.evaluate(batch, { from: [null] })).loss).toBe((await model.evaluate(batch)).loss);
  });
});

test('what the caller changes after a call has no effect, even while code is being loaded', async () => {
  const model = await createModel(SPEC, EXACT);
  const fresh = () => ({
    ...batch,
    inputs: Float64Array.from(batch.inputs),
    targets: [...(batch.targets as number[])],
    lengths: [4, 3],
    weights: [1, 2, 3, 4, 1, 2, 3, 4],
  });
  const spoil = (given: ReturnType<typeof fresh>): void => {
    given.inputs.fill(9);
    for (const list of [given.targets, given.lengths, given.weights]) list.fill(1);
  };
  const first = fresh();
  const tape = (await model.predict(inputs, { batchSize: N, tape: true })).tape;
  const start = await tape.downloadStates();
  const loading = model.evaluate(first, { from: tape }); // loads the code for lengths
  spoil(first);
  tape.forward(model.parameters, new Float64Array(inputs.length));
  const late = await loading;
  const again = fresh();
  const running = model.evaluate(again, { from: start });
  spoil(again);
  expect((await running).loss).toBe(late.loss);
  expect((await model.gradients(fresh(), { from: start })).loss).toBe(late.loss);
});

test('a model keeps the spec that it was made from', async () => {
  const spec = structuredClone(SPEC);
  const making = createModel(spec, EXACT);
  Object.assign(spec.layers[0]!, { hiddenSize: 8 });
  spec.inputSize = 7;
  const model = await making;
  expect(model.spec).toEqual(SPEC);
  spec.layers.length = 1;
  expect(model.spec).toEqual(SPEC);
  expect((await deserializeModel(await serializeModel(model))).model.spec).toEqual(SPEC);
  expect(Object.isFrozen(model.spec.layers[0])).toBe(true);
  const shape = { steps: 4, batchSize: 2 };
  const options: BackendOptions & { lengths: boolean } = { ...(EXACT as BackendOptions), lengths: false };
  const estimate = estimateMemory(model.spec, shape, options);
  Object.assign(shape, { steps: 400 });
  Object.assign(options, { lengths: true });
  expect(await estimate).toEqual(await estimateMemory(SPEC, { steps: 4, batchSize: 2 }, EXACT as BackendOptions));
});

test('a prediction keeps nothing', async () => {
  const model = await createModel(SPEC, { backend: 'wasm' });
  await model.predict(inputs, { batchSize: N });
  await model.evaluate(batch);
  const before = model.kernels.memory.inUse();
  for (let i = 0; i < 50; i++) {
    await model.predict(inputs, { batchSize: N });
    await model.evaluate(batch);
    await rejected(() => model.predict([1, Number.NaN]));
    await rejected(() => model.evaluate({ ...batch, targets: [1] }));
  }
  expect(model.kernels.memory.inUse()).toBe(before);
  const { tape } = await model.predict(inputs, { batchSize: N, tape: true });
  expect(model.kernels.memory.inUse()).toBeGreaterThan(before);
  tape.free();
  expect(model.kernels.memory.inUse()).toBe(before);
});

test('describeBackend says why auto does not use wasm', async () => {
  expect(describeBackend({ precision: 'float64' }).reason).toBe('wasm computes in float32 only.');
  expect((await selectKernels({ precision: 'float64' })).reason).toBe('wasm computes in float32 only.');
  expect(describeBackend({ backend: 'reference' }).reason).toBeNull();
  expect(describeBackend()).toMatchObject({ backend: 'wasm', reason: null });
});
