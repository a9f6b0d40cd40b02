/** gpu.js on WebGPU: compute shaders over buffers. */
import { settings, source } from './compile.js';
import type { Device } from './device.js';
import { lost, noMemory, outcome, settled } from './faults.js';
import type { GpuJs, Made, WebGpuContext } from './gpu-js.js';
import { Plans } from './plans.js';

/** Numbers that a plan may take and give. */
const MOST_IN_PLAN = 2 ** 18;

/** Buffers that a shader may have, less that of its result. */
const MOST_ARRAYS = 7;

export function webGpuDevice({ GPU, Input }: GpuJs, context: WebGpuContext): Device {
  const gpu = new GPU({ mode: 'webgpu' });
  const { adapter, device } = context;
  const { vendor = '', architecture = '', description = '' } = adapter.info ?? {};
  const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
  const requireAlive = (): void => {
    if (context.isLost) throw lost('the WebGPU device was lost.');
  };
  return {
    info: {
      mode: 'webgpu',
      adapter: [vendor, architecture, description].filter(Boolean).join(' ') || 'unnamed',
      largestMatrix: Math.min(maxStorageBufferBindingSize, maxBufferSize),
    },
    fours: 'results',
    mostArrays: MOST_ARRAYS,
    mostResults: 1,
    atOnce: 8192,
    resizes: () => true,
    compile(program, { stays, fromHere }) {
      const types = program.arrays.map(() => (fromHere ? 'Array' : 'WebGPUBuffer'));
      const made = gpu.createKernel(
        source(program, 'columns and rows'),
        settings(program, 'columns and rows', types, stays),
      );
      return {
        run: (args) => (program.wide ? flattened(made, args) : made(...args)),
        resize: (output) => void made.setOutput(output),
        destroy: () => made.destroy(),
      };
    },
    plans: new Plans(gpu, Input, 'columns and rows', MOST_IN_PLAN),
    requireAlive,
    async watched(act) {
      requireAlive();
      device.pushErrorScope('out-of-memory');
      device.pushErrorScope('validation');
      const acted = await settled(act);
      const invalid = await device.popErrorScope();
      const memory = await device.popErrorScope();
      requireAlive();
      if (memory) throw noMemory();
      if (invalid) throw lost(`the WebGPU device refused a call: ${invalid.message}`);
      return outcome(acted, 'the WebGPU device');
    },
    dispose: () => void gpu.destroy(),
  };
}

/**
 * Four numbers a thread stand one after the other in the buffer: to whoever reads it next they are single numbers, which
 * gpu.js does not see by itself.
 */
async function flattened(made: Made, args: readonly unknown[]): Promise<unknown> {
  const result = (await made(...args)) as { componentCount: number; output: number[] };
  const [width, ...rest] = result.output;
  result.output = [4 * width!, ...rest];
  result.componentCount = 1;
  return result;
}
