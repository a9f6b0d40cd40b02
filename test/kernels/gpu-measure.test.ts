/** Measuring backends, and downloads of a tape: `unspool/gpu`. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { createModel } from '../../src/create.js';
import { requireGain } from '../../src/gpu/fastest.js';
import { createGpu, downloadSteps, fastestBackend, measureBackends } from '../../src/gpu/index.js';
import { rejected, thrown } from '../support/errors.js';
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

test('a native library that gains nothing is not measured', () => {
  const native = (gain: number) => ({ native: { library: 'OpenBLAS 9 Zen', gain, isWorthwhile: gain > 1 } }) as Kernels;
  requireGain(native(2));
  requireGain({} as Kernels);
  expect(thrown(() => requireGain(native(0.8))).message).toMatch(/not faster.+OpenBLAS 9 Zen.+take 125 % of the time/);
});

describe('fastestBackend', () => {
  const shape = { steps: 4, batchSize: 3 };

  testOnWebGpu('uses the fastest backend and keeps the timings', async () => {
    const model = await createModel(spec, { measure: fastestBackend(shape) });
    expect(model.backendTimings!.map(({ backend }) => backend).sort()).toEqual([
      'blas',
      'gpu:webgl2',
      'gpu:webgpu',
      'wasm',
    ]);
    const [first, second] = model.backendTimings!;
    const last = model.backendTimings!.at(-1);
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

describe('rejects', () => {
  const shape = { steps: 4, batchSize: 3 };
  const wrong: [string, () => Promise<unknown>, string][] = [
    ['a mode that does not exist', () => createGpu('gpu' as never), 'mode'],
    ['a misspelled option of a mode', () => createGpu('cpu', { maxElement: 3 } as never), 'options.maxElement'],
    ['a spec of null', () => measureBackends(null as never, shape), 'spec'],
    ['no shape', () => measureBackends(spec, undefined as never), 'shape'],
    ['a misspelled shape', () => measureBackends(spec, { steps: 1, batch: 2 } as never), 'shape.batch'],
    ['a shape of 0', () => measureBackends(spec, { steps: 0, batchSize: 2 }), 'shape.steps'],
    ['a misspelled option', () => measureBackends(spec, shape, { update: 3 } as never), 'options.update'],
    ['options of null', () => measureBackends(spec, shape, null as never), 'options'],
    ['no updates', () => measureBackends(spec, shape, { updates: 0 }), 'updates'],
    ['no backends', () => measureBackends(spec, shape, { backends: [] }), 'backends'],
    ['an unknown backend', () => measureBackends(spec, shape, { backends: ['wsam' as never] }), 'backends[0]'],
    ['threads of NaN', () => measureBackends(spec, shape, { threads: Number.NaN }), 'threads'],
    ['a shape of fastestBackend', async () => fastestBackend({ steps: 1 } as never), 'shape.batchSize'],
    ['options of its function', () => fastestBackend(shape)(spec, { backends: [] } as never), 'options.backends'],
  ];
  test.each(wrong)('%s', async (_, act, path) => {
    expect((await rejected(act)).problem).toMatchObject({ code: 'INVALID_SETTING', path });
  });

  test('a layer that is not one, a tape of another backend, and steps that it does not have', async () => {
    const [model, other] = [await createModel(spec), await createModel(spec)];
    const tape = model.tape({ steps: 4, batchSize: 1 });
    const layer = tape.lstm(0);
    const { kernels } = model;
    const steps: [string, () => Promise<unknown>][] = [
      ['layer', () => downloadSteps(kernels, tape as never)],
      ['layer', () => downloadSteps(kernels, null as never)],
      ['kernels', () => downloadSteps(other.kernels, layer)],
      ['kernels', () => downloadSteps(undefined as never, layer)],
      ['from', () => downloadSteps(kernels, layer, -1)],
      ['from', () => downloadSteps(kernels, layer, 5)],
      ['to', () => downloadSteps(kernels, layer, 2, 1)],
      ['to', () => downloadSteps(kernels, layer, 0, 0.5)],
    ];
    for (const [path, act] of steps) expect((await rejected(act)).problem).toMatchObject({ path });
    expect(await downloadSteps(kernels, layer, 1, 3)).toHaveLength(2);
    for (const one of [model, other]) one.dispose();
  });
});

test('a model that no backend can train: the reasons, on a line each', async () => {
  const huge = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1 << 16 }] } as const;
  const { message } = await rejected(() => createModel(huge, { measure: fastestBackend({ steps: 1, batchSize: 1 }) }));
  const lines = message.split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toMatch(/no backend can train this model\.$/);
  expect(
    lines
      .slice(1, 5)
      .map((line) => line.split(': ')[0])
      .sort(),
  ).toEqual(['blas', 'gpu:webgl2', 'gpu:webgpu', 'wasm']);
  expect(lines[5]).toBe('Use reference.');
});

test('a spec and a shape that change after the call have no effect', async () => {
  const [own, shape] = [structuredClone(spec) as { inputSize: number }, { steps: 4, batchSize: 3 }];
  const measuring = measureBackends(own as typeof spec, shape, { backends: ['reference', 'wasm'], updates: 1 });
  Object.assign(own, { inputSize: -1 });
  Object.assign(shape, { steps: -1 });
  expect((await measuring).map(({ error }) => error)).toEqual([null, null]);
});
