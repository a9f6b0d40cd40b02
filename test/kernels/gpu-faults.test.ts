/** The GPU backend when a mode is not available, a device is lost, or gpu.js is another version. */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import { createModel } from '../../src/create.js';
import { createGpu } from '../../src/gpu/index.js';
import { type GpuJsKernel, loadGpuJs } from '../../src/kernels/gpu/device/gpu-js.js';
import type { BackendChoice } from '../../src/kernels/select.js';
import { adam } from '../../src/optim/adam.js';
import { TrainingSnapshots } from '../../src/train/snapshots.js';
import { fit, type TrainingEvent, type TrainingState } from '../../src/train/trainer.js';
import { ROOT } from '../cli/support.js';
import { rejected } from '../support/errors.js';
import { expectClose } from '../support/golden.js';
import { wideErrors } from '../support/gpu-runs.js';
import { describeOnWebGpu, testOnWebGpu } from '../support/machine.js';
import { buildModel } from '../support/model.js';
import { provideWebGpu } from '../support/webgpu.js';
import { batchOf, loseDevice, specOf, TICKS, wait } from './gpu-support.js';

interface BufferMaker {
  createBuffer(what: { readonly size: number; readonly usage: number }): object;
}

const spec = specOf(3);

provideWebGpu();

describe('createModel rejects what is not available', () => {
  const make = (backend: string, precision: 'float32' | 'float64' = 'float32') =>
    rejected(() => createModel(spec, { backend: backend as BackendChoice, precision })).then(({ problem }) => problem);

  test('an unknown mode', async () => {
    expect(await make('gpu:cuda')).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
  });

  test('float64', async () => {
    expect(await make('gpu', 'float64')).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
  });

  test('webgl2, which Node does not have, without falling back to another mode', async () => {
    expect(await make('gpu:webgl2')).toMatchObject({ code: 'INVALID_SETTING', path: 'backend gpu:webgl2' });
  });

  test('without a GPU, the reason of each mode, on a line each', async () => {
    const global = globalThis as { GPU?: unknown };
    const gpuJs = (await loadGpuJs())!;
    class Without extends gpuJs.GPU {
      static override async isWebGPUAvailable(): Promise<boolean> {
        return false;
      }
    }
    global.GPU = { ...gpuJs, GPU: Without };
    const { message } = await rejected(() => createModel(spec, { backend: 'gpu' }));
    delete global.GPU;
    expect(message.split('\n')).toEqual([
      'backend: no GPU is available.',
      expect.stringMatching(/^backend gpu:webgpu: no WebGPU adapter was found\./),
      expect.stringMatching(/^backend gpu:webgl2: no WebGL 2 context/),
      'Use auto, wasm or reference.',
    ]);
  });

  testOnWebGpu('`gpu` opens a GPU mode and reports it as the variant', async () => {
    const model = await createModel(spec, { backend: 'gpu' });
    expect([model.kernels.name, model.kernels.variant]).toEqual(['gpu', 'webgpu']);
    model.dispose();
  });
});

describe('a model that cannot be created', () => {
  test('releases its device', async () => {
    const gpuJs = (await loadGpuJs())!;
    const destroyed = jest.spyOn(gpuJs.GPU.prototype as { destroy(): unknown }, 'destroy');
    const layers = [{ kind: 'lstm', hiddenSize: 2049 }] as const;
    await expect(createModel({ inputSize: 1, layers }, { backend: 'gpu:cpu' })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
    });
    expect(destroyed).toHaveBeenCalledTimes(1);
    destroyed.mockRestore();
  });

  test.each(['gpu:webgpu:1', 'cpu', 'gpu:', 'gpux'])('%s is not a backend', async (backend) => {
    const making = createModel(spec, { backend: backend as BackendChoice });
    await expect(making).rejects.toMatchObject({ code: 'INVALID_SETTING', problem: { path: 'backend' } });
  });

  test('is rejected by createModel if a content security policy forbids generated code', () => {
    const script = `
      const { createModel } = await import(${JSON.stringify(join(ROOT, 'dist/index.js'))});
      await createModel(${JSON.stringify(spec)}, { backend: 'gpu:cpu' }).catch(({ code, message }) => console.log(code, message));`;
    const flags = ['--disallow-code-generation-from-strings', '--input-type=module'];
    const output = execFileSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8', cwd: ROOT });
    expect(output).toMatch(/^INVALID_SETTING backend gpu:cpu: gpu\.js cannot run its kernels: .+content security/s);
  });
});

testOnWebGpu('shaders of an unsupported gpu.js version are rejected', async () => {
  const gpuJs = (await loadGpuJs())!;
  class OtherVersion extends gpuJs.GPU {
    override createKernel(source: string, settings: object): GpuJsKernel {
      const made = super.createKernel(source, settings);
      const assemble = made.kernel.assembleWGSL!;
      made.kernel.assembleWGSL = () => assemble.call(made.kernel).replaceAll('threadGid', 'gridPlace');
      return made;
    }
  }
  const global = globalThis as { GPU?: unknown };
  global.GPU = { ...gpuJs, GPU: OtherVersion };
  const k = await createGpu('webgpu');
  delete global.GPU;
  const { problem } = await rejected(() => wideErrors(k));
  expect(problem).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
  expect(problem.help).toMatch(/npm install gpu\.js@2\.24$/);
  k.dispose();
});

testOnWebGpu('a training run on a lost device resumes from its snapshot with the same losses', async () => {
  const [updates, lostAfter] = [9, 5];
  const data = { train: { stateful: true, length: updates, batch: (n: number) => batchOf(4, 2, n) } };
  const begin = (model: Model, resume?: TrainingState) =>
    fit(model, data, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 }, resume);
  const losses = async (training: AsyncIterable<TrainingEvent>, stopAt = Number.POSITIVE_INFINITY) => {
    const found: [number, number][] = [];
    for await (const event of training) {
      if (event.kind !== 'update') continue;
      found.push([event.update, event.loss]);
      if (event.update === stopAt) await loseDevice();
    }
    return found;
  };
  const whole = await losses(begin(buildModel(await createGpu('webgpu'), spec)));
  const model = buildModel(await createGpu('webgpu'), spec);
  const lost = new TrainingSnapshots(model, begin(model));
  expect((await rejected(() => losses(lost, lostAfter))).code).toBe('DEVICE_LOST');
  const { state, parameters } = lost.lastSnapshot!;
  expect(state.update).toBeGreaterThan(0);
  expect(state.update).toBeLessThanOrEqual(lostAfter);
  const again = buildModel(await createGpu('webgpu'), spec);
  for (const [name, values] of parameters) again.parameters.set(name, values);
  const rest = await losses(begin(again, state));
  expect(rest.map(([update]) => update)).toEqual(whole.slice(state.update).map(([update]) => update));
  const lossesOf = (found: readonly [number, number][]) => found.map(([, loss]) => loss);
  expectClose('losses', Float32Array.from(lossesOf(rest)), lossesOf(whole.slice(state.update)), 1e-6);
});

testOnWebGpu('every read after a device is lost is rejected', async () => {
  const k = await createGpu('webgpu');
  const m = k.alloc(2, 3);
  k.fill(m, 2);
  k.add(m, m, m);
  expect([...(await k.download(m))]).toEqual(new Array(6).fill(4));
  await loseDevice();
  k.add(m, m, m);
  expect((await rejected(() => k.download(m))).code).toBe('DEVICE_LOST');
  expect((await rejected(() => k.download(m))).code).toBe('DEVICE_LOST');
  k.dispose();
});

describeOnWebGpu('two models on one device', () => {
  test('an error of one model is reported to that model only', async () => {
    const { device } = await (await loadGpuJs())!.WebGPUContext.acquire();
    const both = [await createGpu('webgpu'), await createGpu('webgpu')];
    const made = both.map((k, i) => {
      const [before, m] = [k.alloc(1, 100), k.alloc(1, 777 + i)];
      k.upload(m, new Float32Array(777 + i).fill(1));
      // The first model fails after the second has started, and ends after it.
      for (let n = 0; n < (i === 0 ? 20 : 6); n++) {
        k.combine(before, 2, before, 1, before);
        if (n === 2) k.combine(m, 2, m, 1, m);
      }
      return [before, m] as const;
    });
    const createBufferSpy = jest.spyOn(device as unknown as BufferMaker, 'createBuffer');
    const { createBuffer } = Object.getPrototypeOf(device) as BufferMaker;
    createBufferSpy.mockImplementation(function (this: unknown, what) {
      const usage = what.size === 4 * 777 ? 0x81 : what.usage; // mapping and storage together are not allowed
      return createBuffer.call(this, { ...what, usage });
    });
    const [wrong, right] = await Promise.allSettled(
      both.map(async (k, i) => (await Promise.all(made[i]!.map((m) => k.download(m))))[1]),
    );
    createBufferSpy.mockRestore();
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 'DEVICE_LOST' } });
    expect(right).toMatchObject({ status: 'fulfilled', value: new Float32Array(778).fill(3) });
    for (const k of both) k.dispose();
    expect(both.map((k) => k.counts.resident)).toEqual([0, 0]);
  });

  // This test is the last one, because it destroys the device.
  test('a device that is lost at any moment of a run is DEVICE_LOST, unless the read has finished', async () => {
    const { WebGPUContext } = (await loadGpuJs())!;
    const found = new Set<string>();
    for (const ticks of TICKS) {
      const k = await createGpu('webgpu');
      const m = k.alloc(40, 30);
      k.fill(m, 2);
      k.combine(m, 2, m, 1, m);
      const read = k.download(m);
      const isRead = ticks > 11;
      while (isRead && k.counts.reads === 0) await new Promise(setImmediate);
      await wait(ticks % 12);
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
