/** gpu.js on WebGPU: compute shaders over buffers. */
import { invalidSetting, type UnspoolError } from '../../../errors.js';
import { Plans } from '../record/plans.js';
import type { Program, WgslBody } from '../shaders/program.js';
import { inFours } from '../shaders/wgsl.js';
import { atOnceOf, fusesOn } from './adapter.js';
import { settings, source, type Threads } from './compile.js';
import type { Device } from './device.js';
import { lost, noMemory, outcome, settled } from './faults.js';
import type { GpuJs, Made, WebGpuContext } from './gpu-js.js';

/** Numbers that a plan may take and give. */
const MOST_IN_PLAN = 2 ** 18;

/** Threads a side of what gpu.js makes a workgroup of. */
const GROUP = 8;

/** Buffers that a shader may have, less that of its result. */
const MOST_ARRAYS = 7;

export function webGpuDevice({ GPU, Input }: GpuJs, context: WebGpuContext): Device {
  const gpu = new GPU({ mode: 'webgpu' });
  const { device } = context;
  const { vendor = '', architecture = '', description = '' } = context.adapter.info ?? {};
  const adapter = [vendor, architecture, description].filter(Boolean).join(' ') || 'unnamed';
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = device.limits;
  const side = GROUP * maxComputeWorkgroupsPerDimension;
  /** Columns and rows are those of the grid of threads, where it may have so many; one row gpu.js folds by itself. */
  const layoutOf = ({ output: [x, y] }: Pick<Program, 'output'>): Threads =>
    y === undefined || Math.max(x, y) <= side ? 'columns and rows' : 'row';
  const requireAlive = (): void => {
    if (context.isLost) throw lost('the WebGPU device was lost.');
  };
  return {
    info: {
      mode: 'webgpu',
      adapter,
      largestPiece: Math.min(maxStorageBufferBindingSize, maxBufferSize),
    },
    fours: 'results',
    mostArrays: MOST_ARRAYS,
    mostBlocks: 8,
    mostRows: side,
    atOnce: atOnceOf(adapter),
    fuses: fusesOn(adapter),
    resizes: (output) => layoutOf({ output }) === 'columns and rows',
    compile(program, { stays, fromHere }) {
      const types = program.arrays.map(() => (fromHere ? 'Array' : 'WebGPUBuffer'));
      const layout = layoutOf(program);
      const how = settings(program, layout, types, stays);
      const wgsl = layout === 'row' ? undefined : program.wgsl;
      const output = (size: readonly number[]): readonly number[] => threadsOf(wgsl, size);
      const made = gpu.createKernel(source(program, layout), { ...how, output: output(how.output) });
      if (wgsl) speakWgsl(made, wgsl);
      return {
        run: (args) => (program.wide ? flattened(made, args, 4 * (wgsl?.rows ?? 1)) : made(...args)),
        resize: (next) => void made.setOutput(output(next)),
        destroy: () => made.destroy(),
      };
    },
    plans: new Plans(gpu, Input, 'columns and rows', MOST_IN_PLAN),
    requireAlive,
    watched: (act) =>
      inTurn(device, async () => {
        requireAlive();
        device.pushErrorScope('out-of-memory');
        device.pushErrorScope('validation');
        const acted = await settled(act);
        const invalid = await popped(device);
        const memory = await popped(device);
        requireAlive();
        if (memory) throw noMemory();
        if (invalid) throw lost(`the WebGPU device refused a call: ${invalid.message}`);
        return outcome(acted, 'the WebGPU device');
      }),
    dispose: () => void gpu.destroy(),
  };
}

const otherVersion = (): UnspoolError =>
  invalidSetting(
    'backend',
    'this version of gpu.js makes its shaders in another way.',
    'Install the one that this package is written for: npm install gpu.js@2.24',
  );

/** A device that is lost may not answer; that it is lost is told by what was done meanwhile. */
const popped = (device: WebGpuContext['device']) => device.popErrorScope().catch(() => null);

/** gpu.js has one device for all models, and the device one stack of scopes: what one model did wrong is no other's error. */
const turns = new WeakMap<object, Promise<unknown>>();

function inTurn<T>(device: object, act: () => Promise<T>): Promise<T> {
  const done = (turns.get(device) ?? Promise.resolve()).then(act);
  turns.set(
    device,
    done.catch(() => {}),
  );
  return done;
}

/** The threads for an output. */
const threadsOf = (wgsl: WgslBody | undefined, [x, y]: readonly number[]): readonly number[] =>
  y === undefined ? [x!] : [x!, Math.ceil(y / (wgsl?.rows ?? 1))];

/** gpu.js has no word for it: this one kernel gets another shader, and room for what that one writes. */
function speakWgsl({ kernel }: Made, { rows, body }: WgslBody): void {
  const assemble = kernel.assembleWGSL;
  kernel.assembleWGSL = () => {
    kernel.componentCount = 4 * rows;
    const shader = assemble && inFours(assemble.call(kernel), body);
    if (!shader) throw otherVersion();
    return shader;
  };
}

/**
 * The numbers that a thread gives stand one after the other in the buffer: to whoever reads it next they are single numbers,
 * which gpu.js does not see by itself.
 */
async function flattened(made: Made, args: readonly unknown[], numbers: number): Promise<unknown> {
  const result = (await made(...args)) as { componentCount: number; output: number[] };
  if (result.componentCount !== numbers) throw otherVersion();
  const [width, ...rest] = result.output;
  result.output = [numbers * width!, ...rest];
  result.componentCount = 1;
  return result;
}
