/** gpu.js without a GPU: its own WebAssembly, or plain JavaScript. */

import { addFunctions, kernelSettings, kernelSource } from './compile.js';
import type { Device } from './device.js';
import type { GpuJs } from './gpu-js.js';

/** The device of a mode that runs on the CPU. */
export function plainDevice(mode: 'webasm' | 'cpu', { GPU, Input }: GpuJs): Device {
  const gpu = new GPU({ mode });
  addFunctions(gpu);
  const planSupport = { gpu, Input, threads: 'row', maxNumbers: Number.POSITIVE_INFINITY } as const;
  return {
    info: { mode, adapter: 'none', maxBufferBytes: Number.POSITIVE_INFINITY },
    vec4: 'none',
    maxArrays: 7,
    maxBlocks: 1,
    maxRows: Number.POSITIVE_INFINITY,
    saturatingThreads: 1,
    fusesSums: false,
    resizes: () => false,
    compile(program, { resident }) {
      const types = program.arrays.map(() => 'Array');
      const kernel = gpu.createKernel(kernelSource(program, 'row'), kernelSettings(program, 'row', types, resident));
      return { run: (args) => kernel(...args), resize: () => {}, destroy: () => kernel.destroy() };
    },
    planSupport: mode === 'webasm' ? planSupport : null, // any size: its results are arrays in host memory anyway
    replaySupport: null,
    requireAlive: () => {},
    watched: (act) => act(),
    dispose: () => void gpu.destroy(),
  };
}
