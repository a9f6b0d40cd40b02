/** What a run of the GPU backend leaves when something happens in the middle of it, and what large models and batches do. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { createModel } from '../../src/create.js';
import { createGpu, downloadSteps, type GpuMode } from '../../src/gpu/index.js';
import { loadGpuJs } from '../../src/kernels/gpu/device/gpu-js.js';
import type { BackendChoice } from '../../src/kernels/select.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { ROOT } from '../cli/support.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { provideWebGpu } from '../support/webgpu.js';

provideWebGpu();

interface Maker {
  createBuffer(what: { readonly size: number; readonly usage: number }): object;
}

const spec = {
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 6 },
    { kind: 'linear', size: 2 },
  ],
} as const;

const sines = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i));
const batchOf = (steps: number, batchSize: number) => {
  const inputs = sines(steps * batchSize * 2);
  return { steps, batchSize, inputs, targets: inputs };
};

/** Some of them come before a run begins, some in the middle, some after it. */
const MOMENTS = Array.from({ length: 24 }, (_, i) => i);
const moment = async (ticks: number): Promise<void> => {
  for (let i = 0; i < ticks; i++) await null;
};

describe.each<GpuMode>(['cpu', 'webasm', 'webgpu'])('%s', (mode) => {
  test('what is freed while a run is under way takes nothing with it', async () => {
    const k = await createGpu(mode);
    const kept = k.alloc(2, 3);
    k.upload(kept, [1, 2, 3, 4, 5, 6]);
    for (const ticks of MOMENTS) {
      const [sum, product] = [k.alloc(2, 3), k.alloc(2, 3)];
      k.add(sum, kept, kept);
      k.multiply(product, kept, kept, false);
      const read = k.download(product);
      await moment(ticks);
      k.free(sum);
      expect([...(await read)]).toEqual([1, 4, 9, 16, 25, 36]);
      k.free(product);
      expect([...(await k.download(kept))]).toEqual([1, 2, 3, 4, 5, 6]);
    }
    expect(k.counts.plans > 0).toBe(mode !== 'cpu');
    k.dispose();
    expect(k.counts.resident).toBe(0);
  });

  test('a training that is disposed of in the middle of a step leaves the model as it was', async () => {
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const train = { stateful: false, length: 100, batch: () => batchOf(4, 2) };
    for (const ticks of MOMENTS) {
      const training = fit(model, { train }, { optimizer: adam() });
      const events = training[Symbol.asyncIterator]();
      for (let step = 0; step < 3; step++) await events.next();
      const before = await model.parameters.download();
      const next = events.next().catch(() => {});
      await moment(ticks);
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

  test('what was asked for before dispose() is answered, nothing after it, and nothing stays', async () => {
    for (const ticks of MOMENTS) {
      const k = await createGpu(mode);
      const m = k.alloc(2, 3);
      k.fill(m, 2);
      k.multiply(m, m, m, true);
      const read = k.download(m);
      await moment(ticks);
      k.dispose();
      expect([...(await read)]).toEqual(new Array(6).fill(6));
      await expect(k.download(m)).rejects.toMatchObject({ code: 'DISPOSED' });
      expect(k.counts.resident).toBe(0);
    }
  });

  test('a model of more parameters in all than one value holds is trained, read and saved as any other', async () => {
    const ends: Float32Array[] = [];
    for (const mostElements of [2 ** 24, 160]) {
      const k = await createGpu(mode, { mostElements });
      const model = buildModel(k, spec, true);
      expect(model.size).toBeGreaterThan(200);
      const training = fit(
        model,
        { train: { stateful: false, length: 3, batch: () => batchOf(3, 2) } },
        { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 },
      );
      for await (const _ of training);
      const { optimizer } = await training.checkpoint();
      const arenas = [await k.download(model.parameters.matrix), optimizer.get('m')!, optimizer.get('v')!];
      ends.push(Float32Array.from(arenas.flatMap((arena) => [...arena])));
      training.dispose();
      expect((await model.evaluate(batchOf(3, 2))).loss).toBeGreaterThan(0);
      k.dispose();
    }
    expectClose('weights and moments', ends[1]!, [...ends[0]!], 1e-6);
  });

  test('a batch that is too large is refused, and the training goes on', async () => {
    const k = await createGpu(mode, { mostElements: 400 });
    const model = buildModel(k, spec, true);
    const train = { stateful: false, length: 4, batch: () => batchOf(3, 2) };
    const losses: number[] = [];
    for await (const event of fit(model, { train }, { optimizer: adam() })) {
      if (event.kind !== 'update') continue;
      losses.push(event.loss);
      await expect(model.evaluate(batchOf(3, 200))).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    }
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]!);
    model.dispose();
    k.dispose();
    expect(k.counts.resident).toBe(0);
  });

  test('no number becomes one where a NaN went in', async () => {
    const k = await createGpu(mode);
    for (const cell of [{}, { peepholes: true }]) {
      const layers = [{ kind: 'lstm', hiddenSize: 8, cell }, spec.layers[1]] as const;
      const model = buildModel(k, { ...spec, layers }, true);
      model.parameters.set('lstm.weight_ih_l0', new Float32Array(4 * 8 * 2).fill(Number.NaN, 32, 48)); // of the gate g
      expect((await model.evaluate(batchOf(3, 2))).loss).toBeNaN();
      model.dispose();
    }
    const [a, b] = [k.alloc(1, 3), k.alloc(1, 3)];
    k.upload(a, [Number.NaN, 2, 5]);
    k.upload(b, [1, Number.NaN, 4]);
    k.maximum(a, a, b);
    expect([...(await k.download(a))]).toEqual([Number.NaN, Number.NaN, 5]);
    k.dispose();
  });

  test('matrices that an instruction reads may overlap', async () => {
    const k = await createGpu(mode);
    const [both, out] = [k.alloc(2, 4), k.alloc(2, 4)];
    k.upload(both, [1, 2, 3, 4, 5, 6, 7, 8]);
    k.upload(k.view(both, 0, 1, 4), [1, 1, 1, 1]); // now it stands in two pieces
    k.gemm(out, k.view(both, 0, 2, 2), both);
    expect([...(await k.download(out))]).toEqual([6, 7, 8, 9, 6, 7, 8, 9]);
    k.dispose();
  });

  test('the steps of a tape are read together', async () => {
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const { tape } = await model.gradients(batchOf(20, 1));
    const before = k.counts.reads;
    const steps = await downloadSteps(k, tape.lstm(0));
    expect(steps).toHaveLength(20);
    expect(k.counts.reads - before).toBeLessThanOrEqual(1);
    k.dispose();
  });

  test('plans of shapes that come once are given back, with their kernels', async () => {
    const gpuJs = (await loadGpuJs())!;
    const made = jest.spyOn(gpuJs.GPU.prototype as { createKernel(...args: unknown[]): unknown }, 'createKernel');
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const ofPlans: number[] = [];
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

describe('what a model is refused', () => {
  test('does not keep its device', async () => {
    const gpuJs = (await loadGpuJs())!;
    const destroyed = jest.spyOn(gpuJs.GPU.prototype as { destroy(): unknown }, 'destroy');
    const layers = [{ kind: 'lstm', hiddenSize: 2049 }] as const;
    await expect(createModel({ inputSize: 1, layers }, { backend: 'gpu:cpu' })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
    });
    expect(destroyed).toHaveBeenCalledTimes(1);
    destroyed.mockRestore();
  });

  test.each(['gpu:webgpu:1', 'cpu', 'gpu:', 'gpux'])('by the name %s, nothing is', async (backend) => {
    const making = createModel(spec, { backend: backend as BackendChoice });
    await expect(making).rejects.toMatchObject({ code: 'INVALID_SETTING', problem: { path: 'backend' } });
  });

  test('where gpu.js may make no code, it is when it is made', () => {
    const script = `
      const { createModel } = await import(${JSON.stringify(join(ROOT, 'dist/index.js'))});
      await createModel(${JSON.stringify(spec)}, { backend: 'gpu:cpu' }).catch(({ code, message }) => console.log(code, message));`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module'];
    const said = execFileSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8', cwd: ROOT });
    expect(said).toMatch(/^INVALID_SETTING backend gpu:cpu: gpu\.js cannot run its kernels here: .+content-security/s);
  });
});

test('more rows than a grid of threads has on webgpu', async () => {
  const k = await createGpu('webgpu');
  const R = 8 * 65535 + 3;
  const [out, row, factors, square, product] = [
    k.alloc(R, 2),
    k.alloc(1, 2),
    k.alloc(R, 1),
    k.alloc(2, 4),
    k.alloc(R, 4),
  ];
  k.upload(row, [1, 3]);
  k.fillRows(out, row);
  k.upload(
    factors,
    Float32Array.from({ length: R }, (_, r) => r % 7),
  );
  k.scaleRows(out, out, factors, false);
  k.upload(square, [1, 0, 2, 0, 0, 1, 0, 2]);
  k.gemm(product, out, square);
  const expected = (r: number): number[] => [r % 7, 3 * (r % 7), 2 * (r % 7), 6 * (r % 7)];
  const found = await k.download(product);
  for (const r of [0, 1, 2, 6, 100_003, R - 2, R - 1]) expect([...found.slice(4 * r, 4 * r + 4)]).toEqual(expected(r));
  k.dispose();
});

test('a matrix that was freed is DISPOSED to whoever reads it', async () => {
  const k = await createGpu('cpu');
  const [m, out] = [k.alloc(2, 3), k.alloc(2, 3)];
  const part = k.view(m, 0, 1, 3);
  k.free(m);
  expect(() => k.add(out, m, m)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  expect(() => k.copy(k.view(out, 0, 1, 3), part)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  k.dispose();
});

describe('one device, two models', () => {
  test("what one did wrong is not the other's error, nor forgiven", async () => {
    const { device } = await (await loadGpuJs())!.WebGPUContext.acquire();
    const both = [await createGpu('webgpu'), await createGpu('webgpu')];
    const made = both.map((k, i) => {
      const [before, m] = [k.alloc(1, 100), k.alloc(1, 777 + i)];
      k.upload(m, new Float32Array(777 + i).fill(1));
      // The first one goes wrong after the other one has begun, and ends after it.
      for (let n = 0; n < (i === 0 ? 20 : 6); n++) {
        k.combine(before, 2, before, 1, before);
        if (n === 2) k.combine(m, 2, m, 1, m);
      }
      return [before, m] as const;
    });
    const faulty = jest.spyOn(device as unknown as Maker, 'createBuffer');
    const { createBuffer } = Object.getPrototypeOf(device) as Maker;
    faulty.mockImplementation(function (this: unknown, what) {
      const usage = what.size === 4 * 777 ? 0x81 : what.usage; // to be mapped and to be computed in: not allowed
      return createBuffer.call(this, { ...what, usage });
    });
    const [wrong, right] = await Promise.allSettled(
      both.map(async (k, i) => (await Promise.all(made[i]!.map((m) => k.download(m))))[1]),
    );
    faulty.mockRestore();
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 'DEVICE_LOST' } });
    expect(right).toMatchObject({ status: 'fulfilled', value: new Float32Array(778).fill(3) });
    for (const k of both) k.dispose();
    expect(both.map((k) => k.counts.resident)).toEqual([0, 0]);
  });

  // The last one here: what comes after it would find no device.
  test('a device that goes at any moment of a run is DEVICE_LOST, or was not needed any more', async () => {
    const { WebGPUContext } = (await loadGpuJs())!;
    const found = new Set<string>();
    for (const ticks of MOMENTS) {
      const k = await createGpu('webgpu');
      const m = k.alloc(40, 30);
      k.fill(m, 2);
      k.combine(m, 2, m, 1, m);
      const read = k.download(m);
      const isRead = ticks > 11;
      while (isRead && k.counts.reads === 0) await new Promise(setImmediate);
      await moment(ticks % 12);
      await WebGPUContext.destroy();
      found.add(
        await read.then(
          ([first]) => `${first}`,
          ({ code, name }) => code ?? name,
        ),
      );
      k.dispose();
      expect(k.counts.resident).toBe(0);
    }
    found.delete('6');
    expect([...found]).toEqual(['DEVICE_LOST']);
  });
});
