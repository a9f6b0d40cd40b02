/** Whole models on the GPU backend, in each mode that Node has: PyTorch's golden vectors, a training, and what stays behind. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createGpu, type GpuKernels, type GpuMode } from '../../src/kernels/gpu/index.js';
import { golden } from '../support/golden.js';
import { CELLS } from '../support/golden-lstm.js';
import { goldenErrors, productErrors, trained, trainingError, wideErrors } from '../support/gpu-runs.js';
import { provideWebGpu } from '../support/webgpu.js';

provideWebGpu();

interface ShaderMaker {
  createShaderModule(what: { readonly code: string }): object;
}

const LAYERS = ['basic', 'no-bias', 'wide', 'batch-of-one', 'stacked', 'bidirectional', 'projected', 'packed'];
const ALL = [...LAYERS.map((n) => `lstm-${n}`), ...Object.keys(CELLS).map((n) => `cell-${n}`)];
const MODES: readonly GpuMode[] = ['cpu', 'webasm', 'webgpu'];

describe.each(MODES)('%s', (mode) => {
  let k: GpuKernels;
  beforeAll(async () => {
    k = await createGpu(mode);
  });
  afterAll(() => k.dispose());

  test('ran here', () => {
    expect([k.name, k.variant, k.device.mode, k.executor]).toEqual(['gpu', mode, mode, 'single kernels']); // so far
  });

  test.each(mode === 'webasm' ? ALL.filter((_, i) => i % 4 === 0) : ALL)('%s', async (name) => {
    const errors = await goldenErrors(golden(name), k);
    expect(Object.keys(errors).length).toBeGreaterThan(4);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
  });

  // What has run before runs as a plan, where gpu.js makes any.
  test.each(['lstm-stacked', 'lstm-projected', 'cell-layer-norm'])('%s once more', async (name) => {
    await goldenErrors(golden(name), k);
    const before = k.counts.plans;
    const errors = await goldenErrors(golden(name), k);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
    expect(k.counts.plans > before).toBe(mode !== 'cpu');
    expect(k.planRefused).toBe(null);
  });

  test('products, each way round', async () => {
    expect(Math.max(...(await productErrors(k)))).toBeLessThan(1e-5);
  });

  test('gradients of larger matrices, on webgpu by shaders of our own', async () => {
    const { GPUDevice } = globalThis as unknown as { GPUDevice: { prototype: ShaderMaker } };
    const made = jest.spyOn(GPUDevice.prototype, 'createShaderModule');
    const fresh = await createGpu(mode); // that has compiled nothing yet
    const errors = await wideErrors(fresh);
    fresh.dispose();
    const inFours = made.mock.calls.filter(([{ code }]) => code.includes('result : array<vec4<f32>>;'));
    made.mockRestore();
    // a product, its sum with what stands there, and one of A'; the cell, there and back; pieces together
    expect(inFours.length).toBe(mode === 'webgpu' ? 6 : 0);
    expect(Object.keys(errors)).toHaveLength(12);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
  });

  test('60 training steps end in the weights of the reference', async () => {
    expect(await trainingError(k)).toBeLessThan(1e-5);
  });

  test('nothing stays behind', async () => {
    await trained(k, 3);
    const before = k.counts.resident;
    await trained(k, 20);
    expect(k.counts.resident).toBe(before);
    expect(k.memory.inUse()).toBe(0);
  });
});

// As where a dispatch costs more than some arithmetic, which no software driver says of itself.
test.each([24, 27])('webgpu: a cell that works out its product, %i rows', async (N) => {
  const dispatches: number[] = [];
  for (const fuses of [false, true]) {
    const fresh = await createGpu('webgpu', { fuses });
    const errors = await wideErrors(fresh, N);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
    dispatches.push(fresh.counts.dispatches);
    fresh.dispose();
  }
  expect(dispatches[0]! - dispatches[1]!).toBe(11); // of six steps there and five back
});
