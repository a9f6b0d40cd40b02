/**
 * A running training allocates nothing: it calls no memory instruction of the backend, and the wasm memory does not grow.
 * test/package/steady-state.test.ts checks the JavaScript heap.
 */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { textStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import { OptimizerRun } from '../../src/optim/optimizer.js';
import { radam } from '../../src/optim/radam.js';
import { fit } from '../../src/train/trainer.js';
import { threadedWasm } from '../support/backends.js';
import { buildModel } from '../support/model.js';

/** The backend, and the number of its calls of alloc, view and free. */
function counting(of: Kernels): { k: Kernels; calls: { count: number } } {
  const calls = { count: 0 };
  const counted =
    <A extends unknown[], R>(instruction: (...args: A) => R) =>
    (...args: A): R => {
      calls.count++;
      return instruction(...args);
    };
  const own = {
    alloc: counted(of.alloc),
    allocPacked: counted(of.allocPacked),
    view: counted(of.view),
    free: counted(of.free),
  };
  return { k: Object.assign(Object.create(of) as Kernels, own), calls };
}

/** The number of times that a WebAssembly memory has grown. Each backend has one memory, and each test one backend. */
const grow = jest.spyOn(WebAssembly.Memory.prototype, 'grow');
afterEach(() => {
  grow.mockClear();
});

const BACKENDS: readonly (readonly [string, () => Promise<Kernels>])[] = [
  ['reference', async () => createReference('float32')],
  ['wasm', () => createWasm('simd')],
  ['wasm, two threads', () => threadedWasm('simd', 2)],
];

const TEXT = 'it was the best of times, it was the worst of times, it was the age of wisdom. '.repeat(8);
const data = textStreams(TEXT, { batchSize: 3, steps: 8, validationSplit: 0.2 });
const { size } = data.vocabulary;
const SPEC: ModelSpec = {
  layers: [
    { kind: 'embedding', size, width: 5, dropout: 0.1 },
    { kind: 'lstm', hiddenSize: 9 },
    { kind: 'lstm', hiddenSize: 7, zoneout: 0.1, cell: { peepholes: true } },
    { kind: 'linear', size },
  ],
};
const [WARM, STEPS] = [8, 200]; // the formula of RAdam changes at update 6

describe.each(BACKENDS)('%s', (_, create) => {
  test('fit on a text calls no memory instruction in 200 updates, across epochs', async () => {
    const { k, calls } = counting(await create());
    const model = buildModel(k, SPEC);
    const options = { optimizer: adam(), clipNorm: 1, epochs: 100, maxUpdates: STEPS };
    let [before, grown, inUse, steps, epoch] = [0, 0, 0, 0, 0];
    for await (const event of fit(model, { train: data.train }, options)) {
      if (event.kind !== 'update') continue;
      if (event.update === WARM) [before, grown, inUse] = [calls.count, grow.mock.calls.length, k.memory.inUse()];
      if (event.update < WARM) continue;
      expect([calls.count, grow.mock.calls.length, k.memory.inUse()]).toEqual([before, grown, inUse]);
      steps++;
      epoch = event.epoch;
    }
    expect(before).toBeGreaterThan(100);
    expect([steps, epoch > 5]).toEqual([STEPS - WARM + 1, true]);
    model.dispose();
  });

  test('with validation, its tape takes the same memory each time, and updates take none', async () => {
    const { k, calls } = counting(await create());
    const model = buildModel(k, SPEC);
    const options = { optimizer: adam(), epochs: 100, maxUpdates: STEPS, validateEvery: 10 };
    // The reference frees memory through the garbage collector, whose timing a test cannot know.
    const held = (): number => (k.name === 'reference' ? 0 : k.memory.inUse());
    let [before, grown, inUse, validations] = [0, 0, 0, 0];
    const callsOfEach = new Set<number>();
    for await (const event of fit(model, data, options)) {
      if (event.kind === 'validation') {
        if (validations++ === 0) [grown, inUse] = [grow.mock.calls.length, held()];
        else callsOfEach.add(calls.count - before);
        expect([grow.mock.calls.length, held()]).toEqual([grown, inUse]);
        before = calls.count;
      } else if (event.kind === 'update' && event.update > 1) expect(calls.count).toBe(before);
      else before = calls.count;
    }
    expect(validations).toBeGreaterThan(20);
    expect(callsOfEach.size).toBe(1);
    model.dispose();
  });

  test('a custom loop, a stream and reading the tape call no memory instruction', async () => {
    const { k, calls } = counting(await create());
    const model = buildModel(k, SPEC);
    const optimizer = new OptimizerRun(k, radam(), model.parameters);
    const [tape, gradients] = [model.tape({ steps: 8, batchSize: 3 }), model.arena()];
    const stream = model.stream(2);
    const update = async (update: number): Promise<void> => {
      const batch = data.train.batch(update % data.train.length);
      await model.gradients(batch, { tape, gradients, from: tape, noise: { seed: 1, update } });
      optimizer.apply(gradients.matrix, update, 0.01);
      await stream.step([1, 2]);
      const { gates, grad, h } = tape.steps[3]!;
      const seen = [gates.f, grad.c, grad.preactivations.o, h, tape.output, gradients.get('head.bias')];
      for (const view of seen) expect(Number.isFinite(view.get(...view.shape.map(() => 0)))).toBe(true);
    };
    for (let step = 1; step <= WARM; step++) await update(step);
    const [before, grown, inUse] = [calls.count, grow.mock.calls.length, k.memory.inUse()];
    for (let step = WARM + 1; step <= STEPS; step++) await update(step);
    expect([calls.count, grow.mock.calls.length, k.memory.inUse()]).toEqual([before, grown, inUse]);
    model.dispose();
  });
});

test('the counter counts allocations', async () => {
  const { k, calls } = counting(await createWasm('simd'));
  const model = buildModel(k, SPEC);
  const before = calls.count;
  model.tape({ steps: 2, batchSize: 1 }).free();
  expect(calls.count).toBeGreaterThan(before);
  const grown = grow.mock.calls.length;
  k.alloc(1000, 1000);
  expect(grow.mock.calls.length).toBe(grown + 1);
});
