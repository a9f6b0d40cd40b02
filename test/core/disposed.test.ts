/** Every use of a freed object, and of the arrays that it returned, throws `DISPOSED`. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { generate } from '../../src/core/generate.js';
import { gradcheck } from '../../src/core/gradcheck.js';
import type { LiveArray } from '../../src/core/memory/views.js';
import type { Batch } from '../../src/core/model.js';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit } from '../../src/train/trainer.js';
import { flat } from '../support/arrays.js';
import { BACKENDS, threadedWasm } from '../support/backends.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const SPEC: ModelSpec = {
  inputSize: 3,
  layers: [
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'linear', size: 2 },
  ],
};
const TOKENS: ModelSpec = {
  layers: [
    { kind: 'embedding', size: 6, width: 3 },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 6 },
  ],
};
const [T, N] = [4, 2];

const wave = (count: number): Float64Array => Float64Array.from({ length: count }, (_, i) => Math.sin(i + 1));
const BATCH: Batch = { steps: T, batchSize: N, inputs: wave(T * N * 3), targets: wave(T * N * 2) };

type Use = () => unknown;

/** Every one of `uses` throws `DISPOSED` with the same message. */
async function expectDisposed(uses: Readonly<Record<string, Use>>, message: RegExp): Promise<void> {
  for (const [name, use] of Object.entries(uses)) {
    const error = await rejected(async () => use()).catch((other) => new Error(`${name}: ${other}`));
    expect(`${name}: ${(error as Error).message}`).toMatch(message);
    if (!(error instanceof Error && 'problem' in error)) throw error;
    problemOf(error as Parameters<typeof problemOf>[0], 'DISPOSED');
  }
}

describe.each(BACKENDS)('a freed tape on $name in $precision', ({ create }) => {
  test('throws DISPOSED on every use', async () => {
    const model = buildModel(await create(), SPEC);
    const { tape } = await model.gradients(BATCH);
    const [layer, step, own] = [tape.lstm(1), tape.lstm(1).step(2), model.arena()];
    tape.free();
    tape.free();
    const uses: Record<string, Use> = {
      steps: () => tape.steps,
      lstm: () => tape.lstm(0),
      output: () => tape.output,
      inputGrad: () => tape.inputGrad,
      states: () => tape.states,
      gates: () => step.gates,
      c: () => step.c,
      h: () => step.h,
      before: () => step.before,
      x: () => step.x,
      'grad.gates': () => step.grad.gates,
      'grad.preactivations': () => step.grad.preactivations,
      'grad.c': () => step.grad.c,
      'grad.before': () => step.grad.before,
      'layer.begin': () => layer.begin(null),
      'layer.forward': () => layer.forward(model.parameters),
      begin: () => tape.begin(),
      forward: () => tape.forward(model.parameters, BATCH.inputs),
      measure: () => tape.measure('meanSquaredError', BATCH.targets),
      'measure, another loss': () => tape.measure('binaryCrossEntropy', BATCH.targets),
      backward: () => tape.backward(model.parameters, own),
      'gradients on it': () => model.gradients(BATCH, { tape }),
      'evaluate on it': () => model.evaluate(BATCH, { tape }),
      'evaluate from it': () => model.evaluate(BATCH, { from: tape }),
      'predict from it': () => model.predict(BATCH.inputs, { batchSize: N, from: tape }),
    };
    await expectDisposed(uses, /: The tape was used after free\(\)\. Make a new one, or keep a copy/);
  });

  test('its arrays and their views throw, copies stay valid', async () => {
    const model = buildModel(await create(), SPEC);
    const { tape, gradients } = await model.gradients(BATCH);
    const { gates, grad } = tape.steps[1]!;
    const arrays: Record<string, LiveArray<unknown>> = {
      f: gates.f,
      row: gates.f.pick(1, null),
      part: gates.o.lo(1, 1).hi(1, 2).step(1, 1).transpose(1, 0),
      output: tape.output,
      c: grad.c,
      da: grad.preactivations.g,
    };
    const zeros = (a: LiveArray<unknown>): number[] => a.shape.map(() => 0);
    for (const a of Object.values(arrays)) expect(Number.isFinite(a.get(...zeros(a)))).toBe(true);
    const computed = flat(grad.gates.i);
    expect([...gates.f.data]).toEqual([...gates.f.data.array]);
    expect([...gates.f.data.slice(1, 3)]).toEqual([gates.f.data.get(1), gates.f.data.get(2)]);
    const [copy, kept, bias] = [gates.f.data.slice(), grad.gates.i, gradients.get('head.bias')];
    tape.free();
    for (let i = 0; i < 20; i++) model.tape({ steps: T, batchSize: N }); // the freed memory now holds numbers of other tapes
    const uses = Object.fromEntries(
      Object.entries(arrays).flatMap(([name, a]) => [
        [`${name}.get`, () => a.get(...zeros(a))],
        [`${name}.set`, () => a.set(...zeros(a), 7)],
        [`${name}.data.get`, () => a.data.get(0)],
        [`${name}.data.length`, () => a.data.length],
        [`${name}.data.array`, () => a.data.array],
        [`${name}.data.slice`, () => a.data.slice()],
        [`${name}.data, one by one`, () => [...a.data]],
      ]),
    );
    await expectDisposed(uses, /: The tape was used after free\(\)\./);
    expect(copy.some((v: number) => v !== 0)).toBe(true);
    expect(flat(kept)).toEqual(computed); // computed on demand, outside the memory of the tape
    expect(flat(bias)).toHaveLength(2); // the arena is not freed
  });

  test('freeing it twice does not free the next owner of the memory', async () => {
    const model = buildModel(await create(), SPEC);
    const first = (await model.gradients(BATCH)).tape;
    first.free();
    const second = (await model.gradients(BATCH)).tape;
    const before = flat(second.steps[2]!.gates.f);
    first.free();
    const third = (await model.gradients({ ...BATCH, inputs: wave(T * N * 3).reverse() })).tape;
    expect(flat(second.steps[2]!.gates.f)).toEqual(before);
    expect(flat(third.steps[2]!.gates.f)).not.toEqual(before);
  });
});

describe('after free() or dispose(), every use throws DISPOSED:', () => {
  test('an arena', async () => {
    const model = buildModel(await createWasm('simd'), SPEC);
    const { gradients } = await model.gradients(BATCH);
    const view = gradients.get('lstm.weight_hh_l0');
    const row = view.pick(3, null);
    gradients.free();
    gradients.free();
    const uses: Record<string, Use> = {
      get: () => gradients.get('lstm.weight_hh_l0'),
      'an array': () => view.get(0, 0),
      'a row of it': () => row.get(0),
      handle: () => gradients.handle('lstm.weight_hh_l0'),
      matrix: () => gradients.matrix,
      set: () => gradients.set('head.bias', [1, 2]),
      download: () => gradients.download(),
      clear: () => gradients.clear(),
      'gradients into it': () => model.gradients(BATCH, { gradients }),
    };
    await expectDisposed(uses, /: The arena was used after free\(\)\. Make a new one with model\.arena\(\)\./);
  });

  test('a model', async () => {
    const model = buildModel(await createWasm('simd'), TOKENS);
    const tokens: Batch = { steps: 2, batchSize: 1, inputs: [1, 2], targets: new Int32Array([2, 3]) };
    const { tape } = await model.evaluate(tokens, { tape: true });
    const own = tape.steps[0]!.h;
    const before = flat(own);
    const stream = model.stream();
    await stream.step([1]);
    const bias = model.parameters.get('head.bias');
    model.dispose();
    model.dispose();
    const source = { stateful: false, length: 1, batch: () => tokens };
    const uses: Record<string, Use> = {
      tape: () => model.tape({ steps: 1, batchSize: 1 }),
      arena: () => model.arena(),
      kernels: () => model.kernels,
      gradients: () => model.gradients(tokens),
      'gradients on a tape': () => model.gradients(tokens, { tape }),
      evaluate: () => model.evaluate(tokens),
      'evaluate on a tape': () => model.evaluate(tokens, { tape }),
      predict: () => model.predict([1]),
      stream: () => model.stream(),
      'stream.step': () => stream.step([1]),
      'forward over it': () => tape.forward(model.parameters, [1, 2]),
      'parameters.get': () => model.parameters.get('head.bias'),
      'an array': () => bias.get(0),
      'parameters.set': () => model.parameters.set('head.bias', new Float32Array(6)),
      'parameters.download': () => model.parameters.download(),
      serializeModel: () => serializeModel(model),
      fit: () => fit(model, { train: source }, { optimizer: adam() }),
      evaluateSource: () => evaluate(model, source),
      generate: () => generate(model, [1], createRng(1, 'x')).next(),
      gradcheck: () => gradcheck(model, tokens),
    };
    await expectDisposed(uses, /: The model was used after dispose\(\)\. Make a new one\./);
    expect(flat(own)).toEqual(before); // a tape that was not freed can still be read
    tape.free();
    stream.dispose();
  });

  test('a stream', async () => {
    const model = buildModel(createReference('float32'), TOKENS);
    const stream = model.stream();
    await stream.step([1]);
    stream.dispose();
    stream.dispose();
    const uses: Record<string, Use> = {
      step: () => stream.step([1]),
      state: () => stream.state(),
      restore: () => stream.restore(null),
      reset: () => stream.reset(),
      addRows: () => stream.addRows(1),
      removeRows: () => stream.removeRows([0]),
    };
    await expectDisposed(uses, /: The stream was used after dispose\(\)\. Make a new one/);
    await model.stream().step([2]);
  });

  test('a training', async () => {
    const model = buildModel(await createWasm('simd'), SPEC);
    const train = { stateful: true, length: 5, batch: () => BATCH };
    const training = fit(model, { train }, { optimizer: adam() });
    const events = training[Symbol.asyncIterator]();
    await events.next();
    training.dispose();
    training.dispose();
    const uses = { checkpoint: () => training.checkpoint(), 'the next update': () => events.next() };
    await expectDisposed(uses, /: The training was used after dispose\(\)\. Start another one with fit\(\)\./);
    const again = fit(model, { train }, { optimizer: adam() });
    for await (const _ of again);
  });
});

describe('memory', () => {
  /** Bytes in use after `act`, minus those before it. */
  async function left(k: Kernels, act: () => Promise<unknown>): Promise<number> {
    const before = k.memory.inUse();
    await act();
    return k.memory.inUse() - before;
  }

  test('a pass that fails frees everything that it allocated, and none of its arguments', async () => {
    const k = await createWasm('simd');
    const model = buildModel(k, TOKENS);
    const good: Batch = { steps: 3, batchSize: 2, inputs: new Int32Array(6), targets: new Int32Array(6) };
    const { tape, gradients } = await model.gradients(good); // allocates the workspaces of the backend
    const noGradients = model.tape(good, { gradients: false });
    await model.evaluate(good, { tape: noGradients }); // allocates its loss
    for (const act of [
      () => model.gradients({ ...good, inputs: [0, 1, 2, 3, 4, 6] }),
      () => model.gradients({ ...good, targets: new Int32Array(6).fill(9) }),
      () => model.gradients({ ...good, targets: new Int32Array(5) }, { tape }),
      () => model.gradients(good, { tape: noGradients }),
      () => model.evaluate({ ...good, inputs: [0, 1] }),
      () => model.predict([1, 2, -3]),
      () => model.predict([1, 2], { from: tape }),
      () => evaluate(model, { stateful: false, length: 1, batch: () => ({ ...good, inputs: [7] }) }),
    ]) {
      expect(await left(k, () => rejected(act))).toBe(0);
    }
    await model.gradients(good, { tape, gradients });
    expect(flat(tape.output)).toHaveLength(36);
  });

  test('a training, a stream and a tape with two losses free everything that they allocated', async () => {
    const k = await threadedWasm('simd', 2);
    const model = buildModel(k, SPEC);
    const train = { stateful: true, length: 3, batch: () => BATCH };
    const run = async (): Promise<void> => {
      const training = fit(model, { train, validation: train }, { optimizer: adam(), validateEvery: 2 });
      for await (const _ of training);
      training.dispose();
      const { tape, gradients } = await model.gradients(BATCH);
      tape.measure('meanAbsoluteError', BATCH.targets);
      tape.free();
      gradients.free();
      const stream = model.stream(3);
      await stream.step(new Float32Array(9));
      stream.dispose();
    };
    await run(); // allocates the workspaces of the backend
    expect(await left(k, run)).toBe(0);
    k.dispose();
  });
});
