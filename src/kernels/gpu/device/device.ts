/** A mode of gpu.js, opened: its kernels, its limits, and whether it still lives. */
import { UnspoolError } from '../../../errors.js';
import type { Plans } from '../record/plans.js';
import type { Fours, Program } from '../record/values.js';
import { copyOf } from '../shaders/indexing.js';
import { reasonOf, settled } from './faults.js';
import { type GpuJs, loadGpuJs, provideWebGpu } from './gpu-js.js';
import { plainDevice } from './plain.js';
import { webGlContext, webGlDevice } from './webgl.js';
import { webGpuDevice } from './webgpu.js';

/**
 * `webgpu`: compute shaders. `webgl2`: fragment shaders over float textures. `webasm` and `cpu` need no GPU: gpu.js's own
 * WebAssembly and plain JavaScript.
 */
export const GPU_MODES = ['webgpu', 'webgl2', 'webasm', 'cpu'] as const;
export type GpuMode = (typeof GPU_MODES)[number];

/** A compiled program. Where its text serves every size, so does it. */
export interface GpuKernel {
  /** Its result, the list of them where the program has further ones, or a promise of either. */
  run(args: readonly unknown[]): unknown;
  /** From the next run on. */
  resize(output: Program['output']): void;
  destroy(): void;
}

/** What there is to know of the device. */
export interface DeviceInfo {
  readonly mode: GpuMode;
  /** What the driver calls itself. */
  readonly adapter: string;
  /** The most bytes of one array that a shader may name: with `mostElements`, what a kernel reads or writes at the most. */
  readonly largestPiece: number;
}

export interface Compiling {
  /** Whether the result stays on the device; else it is read. */
  readonly stays: boolean;
  /** Whether the array comes from this side. */
  readonly fromHere: boolean;
  /** Of each array that is read number by number: f for a texture of fours, s for one of single numbers. */
  readonly kinds: string;
}

export interface Device {
  readonly info: DeviceInfo;
  readonly fours: Fours;
  /** The most arrays of one kernel. */
  readonly mostArrays: number;
  /** The most blocks, or rows, that one thread of a product may work at. */
  readonly mostBlocks: number;
  /** Rows, and columns, of a grid of threads; beyond them a kernel's threads stand in one row. */
  readonly mostRows: number;
  /** Threads that keep it busy: beyond them, a thread may as well do more. */
  readonly atOnce: number;
  /** Whether products that the cell reads are worked out by its kernel. */
  readonly fuses: boolean;
  /** Whether a kernel with this output serves others as well, where its text does. */
  resizes(output: Program['output']): boolean;
  compile(program: Program, how: Compiling): GpuKernel;
  /** Where gpu.js can run many kernels as one. */
  readonly plans: Plans | null;
  /** Throws `DEVICE_LOST`. */
  requireAlive(): void;
  /** Acts, and throws what the device complained of meanwhile. */
  watched<T>(act: () => Promise<T>): Promise<T>;
  dispose(): void;
}

const impossible = (mode: GpuMode, problem: string, help: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_SETTING', path: `backend gpu:${mode}`, problem, help });

async function library(mode: GpuMode): Promise<GpuJs> {
  const found = await loadGpuJs();
  if (!found) throw impossible(mode, 'the package gpu.js is not installed.', 'npm install gpu.js@2.24');
  return found;
}

/** Opens a mode. Throws `INVALID_SETTING`, saying why, where it is not to be had here; never takes another one. */
export async function openDevice(mode: GpuMode): Promise<Device> {
  if (mode === 'webgpu') await provideWebGpu();
  const gpuJs = await library(mode);
  if (mode === 'webgpu') {
    const help = 'In Node, install the package webgpu and a Vulkan driver; in a browser, see chrome://gpu.';
    if (!(await gpuJs.GPU.isWebGPUAvailable())) throw impossible(mode, 'there is no WebGPU adapter here.', help);
    const context = await settled(() => gpuJs.WebGPUContext.acquire());
    if ('error' in context) throw impossible(mode, `there is no WebGPU device here: ${reasonOf(context.error)}.`, help);
    return webGpuDevice(gpuJs, context.value);
  }
  if (mode === 'webgl2') {
    const gl = webGlContext();
    if (!gl) {
      const help = 'Use a browser that has both, or gpu:webgpu.';
      throw impossible(mode, 'there is no WebGL 2 here, or it cannot write floats (EXT_color_buffer_float).', help);
    }
    return webGlDevice(gpuJs, gl);
  }
  const device = plainDevice(mode, gpuJs);
  try {
    await device.compile(copyOf(1), { stays: true, fromHere: true, kinds: '' }).run([new Float32Array(1), 0]);
  } catch (error) {
    device.dispose();
    const help = 'A content-security policy must allow it to make code, or use backend: wasm.';
    throw impossible(mode, `gpu.js cannot run its kernels here: ${reasonOf(error)}.`, help);
  }
  return device;
}

/** The better of the two modes that are a GPU. Throws `INVALID_SETTING` where there is neither, with both reasons. */
export async function openGpu(): Promise<Device> {
  const reasons: string[] = [];
  for (const mode of ['webgpu', 'webgl2'] as const) {
    try {
      return await openDevice(mode);
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  const problem = `there is no GPU here. ${reasons.join(' ')}`;
  throw new UnspoolError({ code: 'INVALID_SETTING', path: 'backend', problem, help: 'Use auto, wasm or reference.' });
}
