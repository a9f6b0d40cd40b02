/** The GPU backend when something is freed or disposed in the middle of a run, and what stays on the device. */
import { describe, expect, jest, test } from '@jest/globals';
import { createGpu, downloadSteps, type GpuMode } from '../../src/gpu/index.js';
import { loadGpuJs } from '../../src/kernels/gpu/device/gpu-js.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { fit } from '../../src/train/trainer.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { provideWebGpu } from '../support/webgpu.js';
import { batchOf, describeModes, specOf, TICKS, wait } from './gpu-support.js';

const spec = specOf(6);

provideWebGpu();

describeModes('freed or disposed in the middle of a run, %s', (mode) => {
  test('freeing a matrix does not affect other results of the run', async () => {
    const k = await createGpu(mode);
    const kept = k.alloc(2, 3);
    k.upload(kept, [1, 2, 3, 4, 5, 6]);
    for (const ticks of TICKS) {
      const [sum, product] = [k.alloc(2, 3), k.alloc(2, 3)];
      k.add(sum, kept, kept);
      k.multiply(product, kept, kept, false);
      const read = k.download(product);
      await wait(ticks);
      k.free(sum);
      expect([...(await read)]).toEqual([1, 4, 9, 16, 25, 36]);
      k.free(product);
      expect([...(await k.download(kept))]).toEqual([1, 2, 3, 4, 5, 6]);
    }
    expect(k.counts.plans > 0).toBe(mode !== 'cpu');
    k.dispose();
    expect(k.counts.resident).toBe(0);
  });

  test('a training run that is disposed during an update leaves the model readable', async () => {
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const train = { stateful: false, length: 100, batch: () => batchOf(4, 2) };
    for (const ticks of TICKS) {
      const training = fit(model, { train }, { optimizer: adam() });
      const events = training[Symbol.asyncIterator]();
      for (let update = 0; update < 3; update++) await events.next();
      const before = await model.parameters.download();
      const next = events.next().catch(() => {});
      await wait(ticks);
      training.dispose();
      await next;
      const after = await model.parameters.download();
      expect(after.size).toBe(before.size);
      for (const values of after.values()) expect(values.every(Number.isFinite)).toBe(true);
    }
    model.dispose();
    k.dispose();
    expect(k.counts.resident).toBe(0);
  });

  test('dispose() answers earlier reads, rejects later ones, and frees the device', async () => {
    for (const ticks of TICKS) {
      const k = await createGpu(mode);
      const m = k.alloc(2, 3);
      k.fill(m, 2);
      k.multiply(m, m, m, true);
      const read = k.download(m);
      await wait(ticks);
      k.dispose();
      expect([...(await read)]).toEqual(new Array(6).fill(6));
      await expect(k.download(m)).rejects.toMatchObject({ code: 'DISPOSED' });
      expect(k.counts.resident).toBe(0);
    }
  });
});

describeModes('reads and plans, %s', (mode) => {
  test('the time steps of a tape are read together', async () => {
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const { tape } = await model.gradients(batchOf(20, 1));
    const before = k.counts.reads;
    const steps = await downloadSteps(k, tape.lstm(0));
    expect(steps).toHaveLength(20);
    expect(k.counts.reads - before).toBeLessThanOrEqual(1);
    k.dispose();
  });

  test('plans of shapes that do not recur are destroyed with their kernels', async () => {
    const gpuJs = (await loadGpuJs())!;
    const made = jest.spyOn(gpuJs.GPU.prototype as { createKernel(...args: unknown[]): unknown }, 'createKernel');
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const ofPlans: number[] = [];
    await model.gradients(batchOf(3, 1)); // packs the weights
    for (let rows = 1; rows <= 40; rows++) {
      for (let time = 0; time < 2; time++) {
        const { tape, gradients } = await model.gradients(batchOf(2, rows));
        for (const done of [tape, gradients]) done.free();
      }
      const { kernels } = made.mock.contexts.at(-1) as { kernels: unknown[] };
      ofPlans.push(kernels.length - k.counts.compiled);
    }
    made.mockRestore();
    expect(k.counts.plans).toBe(mode === 'cpu' ? 0 : 40);
    expect(Math.max(...ofPlans.slice(24)) - Math.max(...ofPlans.slice(0, 20))).toBeLessThan(20);
    k.dispose();
  });
});

describe('a training run uses plans', () => {
  const run = async (mode: GpuMode) => {
    const k = await createGpu(mode);
    const model = buildModel(k, specOf(3), true);
    const train = { stateful: true, length: 12, batch: () => batchOf(5, 2) };
    const executors: string[] = [];
    const losses: number[] = [];
    const training = fit(model, { train }, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 });
    for await (const event of training) {
      if (event.kind !== 'update') continue;
      executors.push(k.executor);
      losses.push(event.loss);
    }
    const found = { executors, losses, counts: { ...k.counts }, refused: k.planRefused };
    training.dispose();
    model.dispose();
    k.dispose();
    return { ...found, after: k.counts.resident };
  };

  const EXECUTORS = { webgpu: /^fused-encoder$/, webasm: /^fused-(sync|threaded)$/, cpu: /^single kernels$/ };
  describeModes('on %s', (mode) =>
    test('losses agree, and no result stays', async () => {
      const executor = EXECUTORS[mode as keyof typeof EXECUTORS];
      const [found, expected] = [await run(mode), await run('cpu')];
      expect(found.refused).toBe(null);
      expect(found.executors.slice(0, 2)).toEqual(['single kernels', 'single kernels']); // the first time a run occurs
      for (const name of found.executors.slice(5)) expect(name).toMatch(executor);
      expect(found.counts.plans > 5).toBe(mode !== 'cpu');
      expectClose('losses', Float32Array.from(found.losses), expected.losses, 1e-5);
      expect(found.after).toBe(0);
    }),
  );
});

test('the results on the device do not grow from update 50 to 1,000, and are gone after dispose()', async () => {
  const k = await createGpu('cpu');
  const held: number[] = [];
  const clipNorm = k.clipNorm; // called once an update
  const watched = Object.assign(Object.create(k) as typeof k, {
    clipNorm: (...args: Parameters<typeof clipNorm>) => {
      held.push(k.counts.resident);
      clipNorm(...args);
    },
  });
  const model = buildModel(watched, { ...spec, layers: [{ kind: 'lstm', hiddenSize: 2 }] }, true);
  const batch = { steps: 2, batchSize: 1, inputs: new Float32Array(4).fill(0.5), targets: new Float32Array(4) };
  const training = fit(
    model,
    { train: { stateful: true, length: 1000, batch: () => batch } },
    { optimizer: sgd({ learningRate: 0.01 }) },
  );
  for await (const _ of training);
  training.dispose();
  model.dispose();
  expect(held.length).toBeGreaterThanOrEqual(1000);
  expect(new Set(held.slice(50, 1000)).size).toBe(1);
  expect(k.memory.inUse()).toBe(0);
  k.dispose();
  expect(k.counts.resident).toBe(0);
});

test('reading a freed matrix throws DISPOSED', async () => {
  const k = await createGpu('cpu');
  const [m, out] = [k.alloc(2, 3), k.alloc(2, 3)];
  const part = k.view(m, 0, 1, 3);
  k.free(m);
  expect(() => k.add(out, m, m)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  expect(() => k.copy(k.view(out, 0, 1, 3), part)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  k.dispose();
});
