/** Measuring backends, and downloads of a tape: `unspool/gpu`. */
import { describe, expect, test } from '@jest/globals';
import { createModel } from '../../src/create.js';
import { downloadSteps, fastestBackend, measureBackends } from '../../src/gpu/index.js';
import { rejected } from '../support/errors.js';
import { expectClose } from '../support/golden.js';
import { testOnWebGpu } from '../support/machine.js';
import { provideWebGpu } from '../support/webgpu.js';
import { specOf } from './gpu-support.js';

const spec = specOf(3);

provideWebGpu();

testOnWebGpu('downloadSteps returns the same time steps as on wasm, and a live view names it', async () => {
  const batch = {
    steps: 5,
    batchSize: 2,
    inputs: Float32Array.from({ length: 20 }, (_, i) => Math.sin(i)),
    targets: new Float32Array(20).fill(0.25),
  };
  const models = [await createModel(spec, { backend: 'gpu:webgpu' }), await createModel(spec, { backend: 'wasm' })];
  const [gpu, wasm] = await Promise.all(
    models.map(async (model) => {
      const { tape } = await model.gradients(batch);
      return { tape, steps: await downloadSteps(model.kernels, tape.lstm(0), 1, 4) };
    }),
  );
  expect(gpu!.steps.map(({ step }) => step)).toEqual([1, 2, 3]);
  gpu!.steps.forEach(({ gates, c, h, grad }, i) => {
    const expected = wasm!.steps[i]!;
    for (const [name, found, right] of [
      ['gates', gates, expected.gates],
      ['c', c, expected.c],
      ['h', h, expected.h],
      ['da', grad!.gates, expected.grad!.gates],
      ['dc', grad!.c, expected.grad!.c],
      ['dh', grad!.h, expected.grad!.h],
    ] as const) {
      expectClose(name, found, [...right], 1e-5);
    }
  });
  expect((await rejected(async () => gpu!.tape.output)).problem.help).toMatch(/downloadSteps/);
  for (const model of models) model.dispose();
});

test('measureBackends sorts by time, and reports why a backend failed', async () => {
  const found = await measureBackends(
    spec,
    { steps: 4, batchSize: 3 },
    { backends: ['gpu:webgl2', 'gpu:cpu', 'wasm'], updates: 2 },
  );
  expect(found.map(({ backend }) => backend).slice(-1)).toEqual(['gpu:webgl2']);
  expect(found.at(-1)!.error).toMatch(/WebGL 2/);
  expect(found[0]!.stepMs).toBeLessThanOrEqual(found[1]!.stepMs);
  expect(found[1]!.error).toBe(null);
});

describe('fastestBackend', () => {
  const shape = { steps: 4, batchSize: 3 };

  testOnWebGpu('uses the fastest backend and keeps the timings', async () => {
    const model = await createModel(spec, { measure: fastestBackend(shape) });
    expect(model.backendTimings!.map(({ backend }) => backend).sort()).toEqual(['gpu:webgl2', 'gpu:webgpu', 'wasm']);
    const [first, second, last] = model.backendTimings!;
    expect(first!.stepMs).toBeLessThanOrEqual(second!.stepMs);
    expect(last).toMatchObject({ backend: 'gpu:webgl2', stepMs: Number.POSITIVE_INFINITY });
    expect(last!.error).toMatch(/no WebGL 2/);
    expect([model.kernels.name, `gpu:${model.kernels.variant}`]).toContain(first!.backend);
    model.dispose();
  });

  test('requires backend auto and float32', async () => {
    for (const options of [{ backend: 'wasm' }, { precision: 'float64' }] as const) {
      const { problem } = await rejected(() => createModel(spec, { ...options, measure: fastestBackend(shape) }));
      expect(problem).toMatchObject({ code: 'INVALID_SETTING', path: 'measure' });
    }
  });
});
