/** The conformance suite on the GPU backend, in each mode that runs in Node. */
import { afterAll, describe, expect } from '@jest/globals';
import { createGpu, type GpuKernels, type GpuMode } from '../../src/kernels/gpu/index.js';
import { describeOnWebGpu, testOnWebGpu } from '../support/machine.js';
import { provideWebGpu } from '../support/webgpu.js';
import type { Instruction } from './cases/index.js';
import { describeConformance } from './conformance.js';

provideWebGpu();

const running: GpuKernels[] = [];

async function gpu(mode: GpuMode): Promise<GpuKernels> {
  const k = await createGpu(mode);
  running.push(k);
  return k;
}

afterAll(() => {
  for (const k of running) k.dispose();
});

/**
 * Each shape compiles a kernel, which takes about 30 ms on a software driver, so these modes run a part of each list.
 */
const some = (instruction: Instruction, index: number): boolean =>
  index % (/^cell(State|Output)/.test(instruction) ? 37 : 9) === 0;

describe('cpu', () => {
  const most = (instruction: Instruction, index: number): boolean =>
    !/^cell(State|Output)/.test(instruction) || index % 3 === 0;
  describeConformance('gpu', () => gpu('cpu'), { float32: 1e-5 }, {}, most);
});

describeOnWebGpu('webgpu', () => {
  describeConformance('gpu', () => gpu('webgpu'), { float32: 1e-5 }, {}, some);
});

describe('webasm', () => {
  describeConformance('gpu', () => gpu('webasm'), { float32: 1e-5 }, {}, some);
});

testOnWebGpu('each suite ran in its mode', () => {
  expect(running.map(({ name, variant, device }) => [name, variant, device.mode])).toEqual(
    ['cpu', 'webgpu', 'webasm'].map((mode) => ['gpu', mode, mode]),
  );
  expect(running[1]!.device.adapter).not.toBe('unnamed'); // without an adapter it has no name
  expect(running.every(({ counts }) => counts.dispatches > 200 && counts.reads > 200)).toBe(true);
});
