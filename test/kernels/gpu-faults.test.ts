/** The GPU backend where things go wrong, what it leaves behind, and what is measured and brought back with `unspool/gpu`. */
import { describe, expect, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import { createModel } from '../../src/create.js';
import { UnspoolError } from '../../src/errors.js';
import { createGpu, downloadSteps, type GpuMode, measureBackends, measuring } from '../../src/gpu/index.js';
import { loadGpuJs, type Made } from '../../src/kernels/gpu/device/gpu-js.js';
import type { BackendChoice } from '../../src/kernels/select.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { TrainingSnapshots } from '../../src/train/snapshots.js';
import { fit, type TrainingEvent, type TrainingState } from '../../src/train/trainer.js';
import { expectClose } from '../support/golden.js';
import { wideErrors } from '../support/gpu-runs.js';
import { buildModel } from '../support/model.js';
import { provideWebGpu } from '../support/webgpu.js';

provideWebGpu();

const spec = {
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: 2 },
  ],
} as const;

async function problemOf(act: () => Promise<unknown>): Promise<UnspoolError['problem']> {
  try {
    await act();
  } catch (error) {
    if (error instanceof UnspoolError) return error.problem;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('what cannot be had is an error when the model is made', () => {
  const make = (backend: string, precision: 'float32' | 'float64' = 'float32') =>
    problemOf(() => createModel(spec, { backend: backend as BackendChoice, precision }));

  test('no such mode', async () => {
    expect(await make('gpu:cuda')).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
  });

  test('float64', async () => {
    expect(await make('gpu', 'float64')).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
  });

  test('WebGL 2, which Node has not: and nothing else instead', async () => {
    expect(await make('gpu:webgl2')).toMatchObject({ code: 'INVALID_SETTING', path: 'backend gpu:webgl2' });
  });

  test('`gpu` is a GPU, and says which', async () => {
    const model = await createModel(spec, { backend: 'gpu' });
    expect([model.kernels.name, model.kernels.variant]).toEqual(['gpu', 'webgpu']);
    model.dispose();
  });
});

test('over 1,000 steps as much is on the device as over 50, and after the end nothing', async () => {
  const k = await createGpu('cpu');
  const held: number[] = [];
  const clipNorm = k.clipNorm; // once a step
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

test('a matrix that is too large for one value is computed block by block', async () => {
  const ends: Float32Array[] = [];
  for (const most of [2 ** 24, 200]) {
    const k = await createGpu('cpu', { mostElements: most });
    const model = buildModel(k, spec, true);
    const [steps, rows] = [40, 2]; // gates of 960 numbers, states of 240, and three times 98 of Adam's
    const inputs = Float32Array.from({ length: steps * rows * 2 }, (_, i) => Math.sin(i));
    const train = { stateful: false, length: 3, batch: () => ({ steps, batchSize: rows, inputs, targets: inputs }) };
    for await (const _ of fit(model, { train }, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 }));
    ends.push(Float32Array.from(await k.download(model.parameters.matrix)));
    k.dispose();
  }
  expectClose('weights', ends[1]!, [...ends[0]!], 1e-6);
});

test('an instruction without blocks beyond what kernels can count is refused when it is called, and all goes on', async () => {
  const k = await createGpu('webgpu');
  expect(4 * k.mostElements).toBeLessThanOrEqual(k.device.largestPiece);
  const [table, out, small] = [k.alloc(2, 4096), k.alloc(4097, 4096), k.alloc(2, 3)];
  k.upload(small, [1, 2, 3, 4, 5, 6]);
  const gather = async () => k.gatherRows(out, table, new Int32Array(4097));
  expect(await problemOf(gather)).toMatchObject({ code: 'OUT_OF_MEMORY', bytes: 4 * 4097 * 4096 });
  k.add(small, small, small);
  expect([...(await k.download(small))]).toEqual([2, 4, 6, 8, 10, 12]);
  k.dispose();
});

test('shaders that another gpu.js makes in another way are refused, not guessed at', async () => {
  const gpuJs = (await loadGpuJs())!;
  class Other extends gpuJs.GPU {
    override createKernel(source: string, settings: object): Made {
      const made = super.createKernel(source, settings);
      const assemble = made.kernel.assembleWGSL!;
      made.kernel.assembleWGSL = () => assemble.call(made.kernel).replaceAll('threadGid', 'gridPlace');
      return made;
    }
  }
  const global = globalThis as { GPU?: unknown };
  global.GPU = { ...gpuJs, GPU: Other };
  const k = await createGpu('webgpu');
  delete global.GPU;
  const problem = await problemOf(() => wideErrors(k));
  expect(problem).toMatchObject({ code: 'INVALID_SETTING', path: 'backend' });
  expect(problem.help).toMatch(/npm install gpu\.js@2\.24$/);
  k.dispose();
});

test('what a device leaves can be brought back, step by step; a live view says how', async () => {
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
  expect((await problemOf(async () => gpu!.tape.output)).help).toMatch(/downloadSteps/);
  for (const model of models) model.dispose();
});

test('backends are measured, the fastest first; what cannot run says why', async () => {
  const found = await measureBackends(
    spec,
    { steps: 4, batchSize: 3 },
    { backends: ['gpu:webgl2', 'gpu:cpu', 'wasm'], steps: 2 },
  );
  expect(found.map(({ backend }) => backend).slice(-1)).toEqual(['gpu:webgl2']);
  expect(found.at(-1)!.problem).toMatch(/WebGL 2/);
  expect(found[0]!.stepMs).toBeLessThanOrEqual(found[1]!.stepMs);
  expect(found[1]!.problem).toBe(null);
});

describe('parameters beyond what kernels can count', () => {
  const make = (hiddenSize: number) => {
    const layers = [{ kind: 'lstm', hiddenSize }] as const;
    return problemOf(() => createModel({ inputSize: 1, layers }, { backend: 'gpu:cpu' }));
  };

  test('are refused when the model is made', async () => {
    const problem = await make(2049); // 4 * 2049^2 weights are more than 2^24
    expect(problem).toMatchObject({ code: 'OUT_OF_MEMORY', bytes: 16 * 2049 ** 2, capacity: 2 ** 26 });
    expect(problem.help).toMatch(/^lstm\.weight_hh_l0 \[8196, 2049\] has more elements than a kernel can count/);
  });
});

describe('the backend that is fastest', () => {
  const shape = { steps: 4, batchSize: 3 };

  test('is measured, kept, and told', async () => {
    const model = await createModel(spec, { measure: measuring(shape) });
    expect(model.measured!.map(({ backend }) => backend).sort()).toEqual(['gpu:webgl2', 'gpu:webgpu', 'wasm']);
    const [first, second, last] = model.measured!;
    expect(first!.stepMs).toBeLessThanOrEqual(second!.stepMs);
    expect(last).toMatchObject({ backend: 'gpu:webgl2', step: Number.POSITIVE_INFINITY });
    expect(last!.problem).toMatch(/no WebGL 2/);
    expect([model.kernels.name, `gpu:${model.kernels.variant}`]).toContain(first!.backend);
    model.dispose();
  });

  test('cannot be measured where another one is asked for', async () => {
    for (const options of [{ backend: 'wasm' }, { precision: 'float64' }] as const) {
      const problem = await problemOf(() => createModel(spec, { ...options, measure: measuring(shape) }));
      expect(problem).toMatchObject({ code: 'INVALID_SETTING', path: 'measure' });
    }
  });
});

describe('plans', () => {
  const run = async (mode: GpuMode) => {
    const k = await createGpu(mode);
    const model = buildModel(k, spec, true);
    const [steps, rows] = [5, 2];
    const inputs = Float32Array.from({ length: steps * rows * 2 }, (_, i) => Math.sin(i));
    const train = { stateful: true, length: 12, batch: () => ({ steps, batchSize: rows, inputs, targets: inputs }) };
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

  test.each([
    ['webgpu', /^fused-encoder$/],
    ['webasm', /^fused-(sync|threaded)$/],
    ['cpu', /^single kernels$/],
  ] as const)('on %s', async (mode, executor) => {
    const [found, expected] = [await run(mode), await run('cpu')];
    expect(found.refused).toBe(null);
    expect(found.executors.slice(0, 2)).toEqual(['single kernels', 'single kernels']); // seen for the first time
    for (const name of found.executors.slice(5)) expect(name).toMatch(executor);
    expect(found.counts.plans > 5).toBe(mode !== 'cpu');
    expectClose('losses', Float32Array.from(found.losses), expected.losses, 1e-5);
    expect(found.after).toBe(0);
  });
});

test('a training on a device that is lost goes on from the copy on this side, to the same losses', async () => {
  const { WebGPUContext } = (await import('gpu.js')) as unknown as { WebGPUContext: { destroy(): Promise<void> } };
  const [steps, rows, all, before] = [4, 2, 9, 5];
  const batch = (n: number) => {
    const inputs = Float32Array.from({ length: steps * rows * 2 }, (_, i) => Math.sin(i + n));
    return { steps, batchSize: rows, inputs, targets: inputs };
  };
  const data = { train: { stateful: true, length: all, batch } };
  const begin = (model: Model, resume?: TrainingState) =>
    fit(model, data, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 }, resume);
  const losses = async (training: AsyncIterable<TrainingEvent>, stopAt = Number.POSITIVE_INFINITY) => {
    const found: [number, number][] = [];
    for await (const event of training) {
      if (event.kind === 'update') found.push([event.update, event.loss]);
      if (event.kind === 'update' && event.update === stopAt) await WebGPUContext.destroy();
      if (event.kind === 'update' && event.update === stopAt) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return found;
  };
  const whole = await losses(begin(buildModel(await createGpu('webgpu'), spec)));
  const model = buildModel(await createGpu('webgpu'), spec);
  const lost = new TrainingSnapshots(model, begin(model));
  expect(await problemOf(() => losses(lost, before))).toMatchObject({ code: 'DEVICE_LOST' });
  const { state, parameters } = lost.lastSnapshot!;
  expect(state.update).toBeGreaterThan(0);
  expect(state.update).toBeLessThanOrEqual(before);
  const again = buildModel(await createGpu('webgpu'), spec);
  for (const [name, values] of parameters) again.parameters.set(name, values);
  const rest = await losses(begin(again, state));
  expect(rest.map(([step]) => step)).toEqual(whole.slice(state.update).map(([step]) => step));
  const lossesOf = (found: readonly [number, number][]) => found.map(([, loss]) => loss);
  expectClose('losses', Float32Array.from(lossesOf(rest)), lossesOf(whole.slice(state.update)), 1e-6);
});

test('a lost device is an error, from then on', async () => {
  const k = await createGpu('webgpu');
  const m = k.alloc(2, 3);
  k.fill(m, 2);
  k.add(m, m, m);
  expect([...(await k.download(m))]).toEqual(new Array(6).fill(4));
  const { WebGPUContext } = (await import('gpu.js')) as unknown as { WebGPUContext: { destroy(): Promise<void> } };
  await WebGPUContext.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  k.add(m, m, m);
  expect(await problemOf(() => k.download(m))).toMatchObject({ code: 'DEVICE_LOST' });
  expect(await problemOf(() => k.download(m))).toMatchObject({ code: 'DEVICE_LOST' });
  k.dispose();
});
