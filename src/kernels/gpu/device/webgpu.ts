/** gpu.js on WebGPU: compute shaders over buffers. */
import { invalidSetting, type UnspoolError } from '../../../errors.js';
import type { Program, WgslBody } from '../shaders/program.js';
import { toVec4Shader } from '../shaders/wgsl.js';
import { MAX_PLAN_NUMBERS, WEBGPU_MAX_ARRAYS, WEBGPU_MAX_BLOCKS, WORKGROUP_SIDE } from '../thresholds.js';
import { fusesSumsOn, saturatingThreadsOf } from './adapter.js';
import { addFunctions, kernelSettings, kernelSource, type ThreadLayout } from './compile.js';
import type { CompileOptions, Device, GpuKernel } from './device.js';
import { deviceLost, outcome, outOfMemory, settle } from './faults.js';
import type { GpuInstance, GpuJs, GpuJsKernel, WebGpuContext } from './gpu-js.js';
import type { KernelEncoding } from './replay.js';

/** Compiles programs for grids of at most `side` columns and rows. */
function webGpuCompiler(gpu: GpuInstance, side: number) {
  /** gpu.js itself folds an output of one dimension into a grid. */
  const layoutOf = ([x, y]: Program['output']): ThreadLayout =>
    y === undefined || Math.max(x, y) <= side ? 'columns and rows' : 'row';
  return {
    layoutOf,
    compile(program: Program, { resident, fromHost }: CompileOptions): GpuKernel {
      const types = program.arrays.map(() => (fromHost ? 'Array' : 'WebGPUBuffer'));
      const layout = layoutOf(program.output);
      const settings = kernelSettings(program, layout, types, resident);
      const wgsl = layout === 'row' ? undefined : program.wgsl;
      const output = (size: readonly number[]): readonly number[] => threadsOf(wgsl, size);
      const kernel = gpu.createKernel(kernelSource(program, layout), { ...settings, output: output(settings.output) });
      if (wgsl) replaceShader(kernel, wgsl);
      return {
        run: (args) => (program.vec4Output ? runVec4(kernel, args, 4 * (wgsl?.rows ?? 1)) : kernel(...args)),
        resize: (next) => void kernel.setOutput(output(next)),
        encoding: () => encodingOf(kernel, program.scalars.length),
        destroy: () => kernel.destroy(),
      };
    },
  };
}

/** The device of a WebGPU context. */
export function webGpuDevice({ GPU, Input, WebGPUBufferResult }: GpuJs, context: WebGpuContext): Device {
  const gpu = new GPU({ mode: 'webgpu' });
  addFunctions(gpu);
  const { device } = context;
  const { vendor = '', architecture = '', description = '' } = context.adapter.info ?? {};
  const adapter = [vendor, architecture, description].filter(Boolean).join(' ') || 'unnamed';
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = device.limits;
  const side = WORKGROUP_SIDE * maxComputeWorkgroupsPerDimension;
  const { layoutOf, compile } = webGpuCompiler(gpu, side);
  const requireAlive = (): void => {
    if (context.isLost) throw deviceLost('the WebGPU device was lost.');
  };
  return {
    info: { mode: 'webgpu', adapter, maxBufferBytes: Math.min(maxStorageBufferBindingSize, maxBufferSize) },
    vec4: 'results',
    maxArrays: WEBGPU_MAX_ARRAYS,
    maxBlocks: WEBGPU_MAX_BLOCKS,
    maxRows: side,
    saturatingThreads: saturatingThreadsOf(adapter),
    fusesSums: fusesSumsOn(adapter),
    resizes: (output) => layoutOf(output) === 'columns and rows',
    compile,
    planSupport: { gpu, Input, threads: 'columns and rows', maxNumbers: MAX_PLAN_NUMBERS },
    replaySupport: {
      device,
      handle: (buffer) =>
        new WebGPUBufferResult({ buffer, output: [buffer.size / 4], componentCount: 1, context, kernel: null }),
    },
    requireAlive,
    watched: (act) =>
      inTurn(device, async () => {
        requireAlive();
        device.pushErrorScope('out-of-memory');
        device.pushErrorScope('validation');
        const settled = await settle(act);
        const invalid = await popScope(device);
        const memory = await popScope(device);
        requireAlive();
        if (memory) throw outOfMemory();
        if (invalid) throw deviceLost(`the WebGPU device refused a call: ${invalid.message}`);
        return outcome(settled, 'the WebGPU device');
      }),
    dispose: () => void gpu.destroy(),
  };
}

const otherVersion = (): UnspoolError =>
  invalidSetting(
    'backend',
    'this version of gpu.js generates its shaders in a different way.',
    'Install the supported version: npm install gpu.js@2.24',
  );

/** A lost device may reject this. `requireAlive` reports it. */
const popScope = (device: WebGpuContext['device']) => device.popErrorScope().catch(() => null);

/**
 * gpu.js has one device for all models, with one stack of error scopes. Taking turns keeps the models' errors apart.
 */
const turns = new WeakMap<object, Promise<unknown>>();

function inTurn<T>(device: object, act: () => Promise<T>): Promise<T> {
  const done = (turns.get(device) ?? Promise.resolve()).then(act);
  turns.set(
    device,
    done.catch(() => {}),
  );
  return done;
}

/** What gpu.js encoded when it last ran a kernel whose last arguments are `scalars` numbers. */
function encodingOf({ kernel }: GpuJsKernel, scalars: number): KernelEncoding {
  const { computePipeline: pipeline, bindGroupLayout: layout, paramsMirror, paramsLayout, threadDim } = kernel;
  if (!pipeline || !layout || !paramsMirror || !paramsLayout || !threadDim || !kernel._computeDispatch) {
    throw otherVersion();
  }
  const { scalarArgs } = paramsLayout;
  return {
    pipeline,
    layout,
    params: new Uint8Array(paramsMirror.slice(0)),
    scalarOffsets: scalarArgs.slice(scalarArgs.length - scalars).map(({ offset }) => offset),
    groups: kernel._computeDispatch(threadDim).groups,
    resultBytes: 4 * (kernel.componentCount ?? 1) * threadDim.reduce((all, n) => all * n, 1),
  };
}

/** The threads of an output. */
const threadsOf = (wgsl: WgslBody | undefined, [x, y]: readonly number[]): readonly number[] =>
  y === undefined ? [x!] : [x!, Math.ceil(y / (wgsl?.rows ?? 1))];

/** Replaces a kernel's shader, and sets the numbers that each thread writes. gpu.js has no setting for either. */
function replaceShader({ kernel }: GpuJsKernel, { rows, body }: WgslBody): void {
  const assemble = kernel.assembleWGSL;
  kernel.assembleWGSL = () => {
    kernel.componentCount = 4 * rows;
    const shader = assemble && toVec4Shader(assemble.call(kernel), body);
    if (!shader) throw otherVersion();
    return shader;
  };
}

/**
 * Runs a kernel whose threads write `numbers` numbers each, and marks the result as single numbers for the kernels that
 * read it.
 */
async function runVec4(kernel: GpuJsKernel, args: readonly unknown[], numbers: number): Promise<unknown> {
  const result = (await kernel(...args)) as { componentCount: number; output: number[] };
  if (result.componentCount !== numbers) throw otherVersion();
  const [width, ...rest] = result.output;
  result.output = [numbers * width!, ...rest];
  result.componentCount = 1;
  return result;
}
