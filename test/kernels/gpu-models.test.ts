/** Whole models on the GPU backend in each mode that runs in Node: PyTorch's golden vectors, training, freed memory. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createGpu, type GpuKernels } from '../../src/kernels/gpu/index.js';
import { golden } from '../support/golden.js';
import { CELLS } from '../support/golden-lstm.js';
import { goldenErrors, productErrors, trained, trainingError, wideErrors } from '../support/gpu-runs.js';
import { provideWebGpu } from '../support/webgpu.js';
import { describeModes } from './gpu-support.js';

provideWebGpu();

interface ShaderMaker {
  createShaderModule(what: { readonly code: string }): object;
}

const LAYERS = ['basic', 'no-bias', 'wide', 'batch-of-one', 'stacked', 'bidirectional', 'projected', 'packed'];
/** On webgpu, where each shape costs a second, the stacked and the wide case run the kernels of these. */
const REPEATED = ['lstm-basic', 'lstm-no-bias'];
const ALL = [...LAYERS.map((n) => `lstm-${n}`), ...Object.keys(CELLS).map((n) => `cell-${n}`)];

describeModes('%s', (mode) => {
  let k: GpuKernels;
  beforeAll(async () => {
    k = await createGpu(mode);
  });
  afterAll(() => k.dispose());

  test('opens the requested mode', () => {
    expect([k.name, k.variant, k.device.mode, k.executor]).toEqual(['gpu', mode, mode, 'single kernels']); // so far
  });

  const cases = {
    cpu: ALL,
    webasm: ALL.filter((_, i) => i % 4 === 0),
    webgpu: ALL.filter((name) => !REPEATED.includes(name)),
  };
  test.each(cases[mode as keyof typeof cases])('%s', async (name) => {
    const errors = await goldenErrors(golden(name), k);
    expect(Object.keys(errors).length).toBeGreaterThan(4);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
  });

  // A run that occurs for the second time uses a plan, in the modes that have plans.
  test.each(['lstm-stacked', 'lstm-projected', 'cell-layer-norm'])('%s, run a second time', async (name) => {
    await goldenErrors(golden(name), k);
    const before = k.counts.plans;
    const errors = await goldenErrors(golden(name), k);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
    expect(k.counts.plans > before).toBe(mode !== 'cpu');
    expect(k.planRefused).toBe(null);
  });

  test('products agree with the reference for every transposition', async () => {
    expect(Math.max(...(await productErrors(k)))).toBeLessThan(1e-5);
  });

  let wide: ReturnType<typeof runWide> | null = null;
  async function runWide() {
    const { GPUDevice } = globalThis as unknown as { GPUDevice: { prototype: ShaderMaker } };
    const made = jest.spyOn(GPUDevice.prototype, 'createShaderModule');
    const fresh = await createGpu(mode); // nothing is compiled yet
    const errors = await wideErrors(fresh);
    fresh.dispose();
    const vec4Shaders = made.mock.calls.filter(([{ code }]) => code.includes('result : array<vec4<f32>>;')).length;
    made.mockRestore();
    return { errors, vec4Shaders, dispatches: fresh.counts.dispatches };
  }

  test('gradients of larger matrices agree with the reference; webgpu computes them in separate WGSL', async () => {
    wide ??= runWide();
    const { errors, vec4Shaders } = await wide;
    // a product, with accumulation, and with A'; the cell, forward and backward; a concatenation
    expect(vec4Shaders).toBe(mode === 'webgpu' ? 6 : 0);
    expect(Object.keys(errors)).toHaveLength(12);
    expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
  });

  // The default on real GPUs, where a dispatch costs more than some arithmetic.
  if (mode === 'webgpu') {
    test.each([24, 27])('a cell that computes the product that it reads, %i rows', async (N) => {
      const fresh = await createGpu('webgpu', { fusesSums: true });
      const errors = await wideErrors(fresh, N);
      fresh.dispose();
      expect(Object.entries(errors).filter(([, error]) => !(error <= 2e-5))).toEqual([]);
      wide ??= runWide();
      expect((await wide).dispatches - fresh.counts.dispatches).toBe(11); // six time steps forward and five backward
    });
  }

  test('weights after 20 updates agree with the reference', async () => {
    expect(await trainingError(k)).toBeLessThan(1e-5);
  });

  test('training leaves nothing on the device', async () => {
    await trained(k, 3);
    const before = k.counts.resident;
    await trained(k, 20);
    expect(k.counts.resident).toBe(before);
    expect(k.memory.inUse()).toBe(0);
  });
});
