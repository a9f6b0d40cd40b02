/** Runs that recur are replayed on WebGPU: the same bits, and the same errors. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import { createGpu, downloadSteps, type GpuKernels } from '../../src/gpu/index.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { rejected } from '../support/errors.js';
import { describeOnWebGpu } from '../support/machine.js';
import { buildModel } from '../support/model.js';
import { provideWebGpu } from '../support/webgpu.js';
import { loseDevice, sines, TICKS, wait } from './gpu-support.js';

provideWebGpu();

/** Tokens, dropout, and a loss with targets in host memory. */
const spec = {
  layers: [
    { kind: 'embedding', size: 5, width: 3 },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'dropout', rate: 0.2 },
    { kind: 'linear', size: 5 },
  ],
} as const;

const tokens = (count: number, n: number) => Int32Array.from({ length: count }, (_, i) => (i * (n + 2) + n) % 5);

/** Batch n, of which every sixth is shorter. */
function batchOf(n: number) {
  const steps = n % 6 === 5 ? 2 : 3;
  return { steps, batchSize: 3, inputs: tokens(3 * steps, n), targets: tokens(3 * steps, n + 1) };
}

const begin = (model: Model, length: number) =>
  fit(
    model,
    { train: { stateful: true, length, batch: batchOf } },
    { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 },
  );

/** Trains, reads and sets weights on the way, and returns everything that was computed. */
async function train(k: GpuKernels) {
  const model = buildModel(k, spec, true);
  const found: unknown[] = [];
  const executors: string[] = [];
  const training = begin(model, 13);
  for await (const event of training) {
    if (event.kind !== 'update') continue;
    found.push(event.loss);
    executors.push(k.executor);
    if (event.update === 4) found.push([...(await model.parameters.download()).values()]);
    if (event.update === 10) model.parameters.set('head.bias', [1, 0, 0, 0, 0]);
  }
  found.push([...(await model.parameters.download()).values()]);
  training.dispose();
  model.dispose();
  return { found, executors };
}

describeOnWebGpu('replays', () => {
  let k: GpuKernels;
  beforeAll(async () => {
    k = await createGpu('webgpu', { plans: false });
  });
  afterAll(() => k.dispose());

  test('compute the same bits as single kernels, and nothing stays on the device', async () => {
    const single = await createGpu('webgpu', { plans: false, replays: false });
    const [replayed, expected] = [await train(k), await train(single)];
    expect(replayed.found).toEqual(expected.found);
    expect(replayed.executors.filter((one) => one === 'replay').length).toBeGreaterThanOrEqual(3);
    expect(new Set(expected.executors)).toEqual(new Set(['single kernels']));
    expect([k.memory.inUse(), k.counts.resident]).toEqual([0, single.counts.resident]);
    single.dispose();
  });

  test('upload what changes, and overwrite no other copy of a result', async () => {
    const [a, out, kept, total] = [k.alloc(2, 3), k.alloc(2, 3), k.alloc(2, 3), k.alloc(2, 3)];
    const before = k.counts.replays;
    const reads: Promise<unknown>[] = [];
    for (let n = 0; n < 8; n++) {
      k.upload(a, sines(6, n));
      k.combine(out, n, a, 2, a);
      k.add(total, total, out);
      const read = k.download(total);
      reads.push(read);
      await (n < 6 ? read : wait(6)); // the last two are under way at the same time
      if (n === 4) k.copy(kept, out);
    }
    const expected = (n: number) => sines(6, n).map((v) => Math.fround(Math.fround(n * v) + Math.fround(2 * v)));
    let sum = new Float32Array(6);
    for (const [n, read] of reads.entries()) {
      sum = sum.map((v, i) => v + expected(n)[i]!);
      for (const [i, v] of ((await read) as Float32Array).entries()) expect(v).toBeCloseTo(sum[i]!, 5);
    }
    for (const [i, v] of ((await k.download(kept)) as Float32Array).entries()) {
      expect(v).toBeCloseTo(expected(4)[i]!, 5);
    }
    expect(k.counts.replays - before).toBeGreaterThanOrEqual(2);
    for (const m of [a, out, kept, total]) k.free(m);
  });

  test('leave a tape that can be read', async () => {
    const model = buildModel(k, spec, true);
    const tape = model.tape({ steps: 3, batchSize: 3 });
    const found: unknown[] = [];
    const before = k.counts.replays;
    for (let n = 0; n < 4; n++) {
      const { gradients } = await model.gradients(batchOf(0), { tape });
      found.push(await downloadSteps(k, tape.lstm(0)), [...(await gradients.download()).values()]);
      gradients.free();
    }
    expect(found.slice(6)).toEqual(found.slice(0, 2));
    expect(k.counts.replays).toBeGreaterThanOrEqual(before);
    tape.free();
    model.dispose();
  });

  test('that are disposed of in the middle of an update leave the model readable', async () => {
    const model = buildModel(k, spec, true);
    for (const ticks of TICKS.filter((n) => n % 8 === 3)) {
      const training = begin(model, 100);
      const events = training[Symbol.asyncIterator]();
      for (let update = 0; update < 4; update++) await events.next();
      const next = events.next().catch(() => {});
      await wait(ticks);
      training.dispose();
      await next;
      for (const values of (await model.parameters.download()).values())
        expect(values.every(Number.isFinite)).toBe(true);
    }
    model.dispose();
    expect([k.memory.inUse(), k.counts.resident]).toEqual([0, 0]);
  });

  // This test is the last one, because it destroys the device.
  test('on a lost device are DEVICE_LOST', async () => {
    const [a, other] = [k.alloc(2, 3), await createGpu('webgpu', { plans: false })];
    const add = async () => {
      k.upload(a, sines(6));
      k.add(a, a, a);
      return k.download(a);
    };
    const before = k.counts.replays;
    for (let n = 0; n < 4; n++) await add();
    expect(k.counts.replays).toBeGreaterThan(before);
    await loseDevice();
    expect((await rejected(add)).code).toBe('DEVICE_LOST');
    expect((await rejected(add)).code).toBe('DEVICE_LOST');
    other.dispose();
  });
});
