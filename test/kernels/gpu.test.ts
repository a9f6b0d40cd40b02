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

/** The 144 settings of each half of the cell share their text; compiling them all takes a software GPU a minute. */
const someHalves = (instruction: Instruction, index: number): boolean =>
  !/^cell(State|Output)/.test(instruction) || index % 13 === 0;

describe('cpu', () => {
  describeConformance('gpu', () => gpu('cpu'), { float32: 1e-5 });
});

describe('webgpu', () => {
  describeConformance('gpu', () => gpu('webgpu'), { float32: 1e-5 }, {}, someHalves);
});

describe('webasm', () => {
  describeConformance('gpu', () => gpu('webasm'), { float32: 1e-5 }, {}, someHalves);
});

test('each ran where it was asked to', () => {
  expect(running.map(({ name, variant, device }) => [name, variant, device.mode])).toEqual(
    ['cpu', 'webgpu', 'webasm'].map((mode) => ['gpu', mode, mode]),
  );
  expect(running[1]!.device.adapter).not.toBe('unnamed'); // a WebGPU without an adapter would have none
  expect(running.every(({ counts }) => counts.dispatches > 1000 && counts.reads > 1000)).toBe(true);
});
