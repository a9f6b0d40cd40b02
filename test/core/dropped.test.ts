/** What a program drops without free() or dispose() is freed by the garbage collector, also in a loop that only awaits results. */
import { describe, expect, test } from '@jest/globals';
import { heldOn } from '../../src/core/memory/census.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { flat } from '../support/arrays.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';
import { lstm } from './support.js';

const MEGABYTE = 2 ** 20;
const SPEC: ModelSpec = { inputSize: 3, layers: [lstm(4), { kind: 'linear', size: 2 }] };
const [T, N] = [8, 2000];
const batch: Batch = {
  steps: T,
  batchSize: N,
  inputs: testRandom(2).normals(T * N * 3),
  targets: testRandom(3).normals(T * N * 2),
};
/** With gradients, a tape takes 4 MB; without, 2 MB. */
const make = async (): Promise<Model> => buildModel(await createWasm('simd', { capacity: 200 * MEGABYTE }), SPEC);

describe('dropped', () => {
  test.each<[string, number, (model: Model) => Promise<unknown>]>([
    ['tapes and gradients', 55, (model) => model.gradients(batch)],
    ['tapes of predictions', 120, (model) => model.predict(batch.inputs, { batchSize: N, tape: true })],
    [
      'streams',
      90,
      async (model) => {
        const stream = model.stream(16000);
        await stream.step(new Float32Array(48000));
        stream.addRows(2);
        stream.removeRows([0, 1]);
      },
    ],
  ])('%s', async (_, count, use) => {
    const model = await make();
    await use(model);
    const each = model.kernels.memory.inUse();
    await use(model);
    expect((model.kernels.memory.inUse() - each) * count).toBeGreaterThan(200 * MEGABYTE);
    for (let i = 0; i < count; i++) await use(model);
    expect(model.kernels.memory.inUse()).toBeLessThan(200 * MEGABYTE);
  });

  test('memory that an array or a handle still reads is not freed', async () => {
    const model = await make();
    const keep = async (seed: number) => {
      const inputs = testRandom(seed).normals(T * N * 3);
      const { tape, gradients } = await model.gradients({ ...batch, inputs });
      const seen = [tape.output, tape.steps[3]!.gates.f, tape.states[0]!.c, gradients.get('lstm.weight_hh_l0')];
      const { y } = tape.layers[0]!;
      return { seen, y, numbers: seen.map(flat), hidden: [...(await model.kernels.download(y))] };
    };
    const kept = [await keep(4), await keep(5)];
    for (let i = 0; i < 36; i++) await model.gradients(batch);
    for (const { seen, y, numbers, hidden } of kept) {
      expect(seen.map(flat)).toEqual(numbers);
      expect([...(await model.kernels.download(y))]).toEqual(hidden);
    }
  });
});

test('OUT_OF_MEMORY lists what is alive, the largest first', async () => {
  const k = await createWasm('simd', { capacity: 48 * MEGABYTE });
  const model = buildModel(k, SPEC);
  const kept: unknown[] = [];
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) kept.push(model.stream(16000));
    const train = { stateful: false, length: 2, batch: () => batch };
    const events = fit(model, { train }, { optimizer: adam() })[Symbol.asyncIterator]();
    await events.next();
    kept.push(events);
    for (;;) kept.push(await model.gradients(batch));
  };
  const error = await rejected(fill);
  expect(problemOf(error, 'OUT_OF_MEMORY').capacity).toBe(48 * MEGABYTE);
  expect(error.message).toMatch(
    /in use\)\. Alive: \d+ tapes \([\d.]+ MiB\), 3 streams \([\d.]+ [KM]iB\), \d+ arenas \([\d.]+ KiB\), 1 training \([\d.]+ KiB\), 1 model/,
  );
  const total = heldOn(k).reduce((sum, { bytes }) => sum + bytes, 0);
  expect(k.memory.inUse() - total).toBeLessThan(MEGABYTE); // what remains are the workspaces of the backend
  model.dispose();
  expect(heldOn(k).find(({ what }) => what === 'model')).toBeUndefined();
  expect(kept.length).toBeGreaterThan(6);
});

test('too many backends in one process end in OUT_OF_MEMORY, which says how to share one', async () => {
  const { Memory } = WebAssembly;
  try {
    WebAssembly.Memory = function refuse() {
      throw new RangeError('WebAssembly.Memory(): could not allocate memory');
    } as unknown as typeof Memory;
    const error = await rejected(() => createWasm('simd'));
    expect(problemOf(error, 'OUT_OF_MEMORY').help).toContain('createModel(spec, { kernels })');
  } finally {
    WebAssembly.Memory = Memory;
  }
});
