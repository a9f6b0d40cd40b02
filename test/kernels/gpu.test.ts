/** The GPU backend in the modes that Node has: the common suite in each, and which mode and device ran it. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { createGpu, type GpuKernels, type GpuMode } from '../../src/kernels/gpu/index.js';
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

/** A kernel is compiled for every shape, which takes a software GPU some 30 ms: these run a part of each list. */
const some = (instruction: Instruction, index: number): boolean =>
  index % (/^cell(State|Output)/.test(instruction) ? 37 : 9) === 0;

describe('cpu', () => {
  const most = (instruction: Instruction, index: number): boolean =>
    !/^cell(State|Output)/.test(instruction) || index % 3 === 0;
  describeConformance('gpu', () => gpu('cpu'), { float32: 1e-5 }, {}, most);
});

describe('webgpu', () => {
  describeConformance('gpu', () => gpu('webgpu'), { float32: 1e-5 }, {}, some);
});

describe('webasm', () => {
  describeConformance('gpu', () => gpu('webasm'), { float32: 1e-5 }, {}, some);
});

test('each ran where it was asked to', () => {
  expect(running.map(({ name, variant, device }) => [name, variant, device.mode])).toEqual(
    ['cpu', 'webgpu', 'webasm'].map((mode) => ['gpu', mode, mode]),
  );
  expect(running[1]!.device.adapter).not.toBe('unnamed'); // a WebGPU without an adapter would have none
  expect(running.every(({ counts }) => counts.dispatches > 200 && counts.reads > 200)).toBe(true);
});
