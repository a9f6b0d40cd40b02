/** gpu.js without a GPU: its own WebAssembly, or plain JavaScript. */

import { Plans } from '../record/plans.js';
import { settings, source } from './compile.js';
import type { Device } from './device.js';
import type { GpuJs } from './gpu-js.js';

export function plainDevice(mode: 'webasm' | 'cpu', { GPU, Input }: GpuJs): Device {
  const gpu = new GPU({ mode });
  return {
    info: { mode, adapter: 'none', largestPiece: Number.POSITIVE_INFINITY },
    fours: 'none',
    mostArrays: 7,
    mostBlocks: 1,
    mostRows: Number.POSITIVE_INFINITY,
    atOnce: 1,
    fuses: false,
    resizes: () => false,
    compile(program, { stays }) {
      const types = program.arrays.map(() => 'Array');
      const made = gpu.createKernel(source(program, 'row'), settings(program, 'row', types, stays));
      return { run: (args) => made(...args), resize: () => {}, destroy: () => made.destroy() };
    },
    plans: mode === 'webasm' ? new Plans(gpu, Input, 'row', Number.POSITIVE_INFINITY) : null, // what it gives are arrays anyway
    requireAlive: () => {},
    watched: (act) => act(),
    dispose: () => void gpu.destroy(),
  };
}
