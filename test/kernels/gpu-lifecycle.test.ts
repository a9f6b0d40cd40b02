/** The GPU backend when something is freed or disposed in the middle of a run, and what stays on the device. */
import { describe, expect, jest, test } from '@jest/globals';
import type { Matrix } from '../../src/contract/kernels.js';
import { createGpu, downloadSteps, type GpuKernels, type GpuMode } from '../../src/gpu/index.js';
import { loadGpuJs, type Pipeline } from '../../src/kernels/gpu/device/gpu-js.js';
import { MAX_RECORDED_CALLS } from '../../src/kernels/gpu/thresholds.js';
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
    const model = buildModel(k, specOf(2), true);
    const shapes = mode === 'cpu' ? 4 : 24; // 16 plans are kept; cpu makes none
    const ofPlans: number[] = [];
    await model.gradients(batchOf(3, 1)); // packs the weights
    for (let rows = 1; rows <= shapes; rows++) {
      for (let time = 0; time < 2; time++) {
        const { tape, gradients } = await model.gradients(batchOf(1, rows));
        for (const done of [tape, gradients]) done.free();
      }
      const { kernels } = made.mock.contexts.at(-1) as { kernels: unknown[] };
      ofPlans.push(kernels.length - k.counts.compiled);
    }
    made.mockRestore();
    expect(k.counts.plans).toBe(mode === 'cpu' ? 0 : shapes);
    expect(Math.max(...ofPlans.slice(20)) - Math.max(...ofPlans.slice(0, 18))).toBeLessThan(20);
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

describe('dispose() destroys the device once, after what is under way', () => {
  const work: [string, (k: GpuKernels, m: Matrix) => Promise<unknown>][] = [
    ['nothing', async () => {}],
    ['a read', (k, m) => k.download(m)],
    [
      'a run that nothing has read',
      async (k, m) => {
        k.upload(m, [0, 0, 0, 0, 0, 0]);
        for (let i = 0; i <= MAX_RECORDED_CALLS; i++) k.add(m, m, m);
      },
    ],
  ];
  test.each(work)('%s', async (_, begin) => {
    const gpuJs = (await loadGpuJs())!;
    const destroyed = jest.spyOn(gpuJs.GPU.prototype as { destroy(): unknown }, 'destroy');
    const k = await createGpu('cpu');
    const m = k.alloc(2, 3);
    k.fill(m, 0);
    const pending = begin(k, m);
    k.dispose();
    await pending;
    for (let i = 0; i < 100 && destroyed.mock.calls.length === 0; i++) await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(destroyed).toHaveBeenCalledTimes(1);
    expect(k.counts.resident).toBe(0);
    destroyed.mockRestore();
  });
});

test('where gpu.js does not fuse a plan, single kernels compute the same numbers, and planRefused says why', async () => {
  const gpuJs = (await loadGpuJs())!;
  class Refusing extends gpuJs.GPU {
    override createPipeline(orchestrate: (...args: unknown[]) => unknown): Pipeline {
      const made = super.createPipeline(orchestrate);
      const refusal = { executorKind: { value: 'generic' }, fallbackReason: { value: 'no luck' } };
      return Object.defineProperties(
        Object.assign((...args: unknown[]) => made(...args), { destroy: made.destroy }),
        refusal,
      ) as Pipeline;
    }
  }
  const global = globalThis as { GPU?: unknown };
  global.GPU = { ...gpuJs, GPU: Refusing };
  const refusing = await createGpu('webasm');
  delete global.GPU;
  const losses: number[][] = [];
  for (const k of [refusing, await createGpu('cpu')]) {
    const model = buildModel(k, spec, true);
    const train = { stateful: true, length: 6, batch: () => batchOf(4, 2) };
    const found: number[] = [];
    for await (const event of fit(model, { train }, { optimizer: adam() }))
      if (event.kind === 'update') found.push(event.loss);
    losses.push(found);
    expect(k.executor).toBe('single kernels');
    expect(k.counts.plans).toBe(0);
    k.dispose();
  }
  expect(refusing.planRefused).toBe('no luck');
  expectClose('losses', Float32Array.from(losses[0]!), losses[1]!, 1e-5);
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
