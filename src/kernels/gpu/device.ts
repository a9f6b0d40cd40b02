/** gpu.js, loaded when a GPU is asked for: which of its modes there is here, its kernels, and whether the device still lives. */
import { UnspoolError } from '../../errors.js';
import { errorsOf, lost, noMemory, outcome, settled } from './faults.js';
import type { Fours, Program } from './values.js';

/**
 * `webgpu`: compute shaders. `webgl2`: fragment shaders over float textures. `webasm` and `cpu` need no GPU: gpu.js's own
 * WebAssembly and plain JavaScript.
 */
export const GPU_MODES = ['webgpu', 'webgl2', 'webasm', 'cpu'] as const;
export type GpuMode = (typeof GPU_MODES)[number];

export type GpuKernel = ((...args: unknown[]) => unknown) & { destroy(): void };

interface Adapter {
  readonly info?: { readonly vendor: string; readonly architecture: string; readonly description: string };
}

interface WebGpuDevice {
  readonly limits: { readonly maxStorageBufferBindingSize: number; readonly maxBufferSize: number };
  pushErrorScope(filter: 'out-of-memory' | 'validation'): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
}

interface WebGpuContext {
  readonly adapter: Adapter;
  readonly device: WebGpuDevice;
  readonly isLost: boolean;
}

interface WebGl {
  isContextLost(): boolean;
  getError(): number;
  getParameter(name: number): unknown;
  getExtension(name: string): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  readonly MAX_TEXTURE_SIZE: number;
  readonly NO_ERROR: number;
  readonly OUT_OF_MEMORY: number;
  readonly RENDERER: number;
}

interface GpuJs {
  readonly GPU: (new (settings: {
    mode: string;
  }) => GpuInstance) & {
    readonly isWebGL2Supported: boolean;
    isWebGPUAvailable(): Promise<boolean>;
  };
  readonly WebGPUContext: { acquire(): Promise<WebGpuContext>; destroy(): Promise<void> };
}

interface GpuInstance {
  readonly context: WebGl | null;
  createKernel(source: string, settings: object): GpuKernel;
  destroy(): Promise<void>;
}

/** What there is to know of the device. */
export interface DeviceInfo {
  readonly mode: GpuMode;
  /** What the driver calls itself. */
  readonly adapter: string;
  /** The most bytes of one matrix. */
  readonly largestMatrix: number;
}

export interface Device {
  readonly info: DeviceInfo;
  readonly fours: Fours;
  compile(program: Program, how: { readonly stays: boolean; readonly fromHere: boolean }): GpuKernel;
  /** A kernel that was made for results of one kind may not get those of another: what tells the kinds apart. */
  kindsOf(handles: readonly unknown[]): string;
  /** Throws `DEVICE_LOST`. */
  requireAlive(): void;
  /** Acts, and throws what the device complained of meanwhile. */
  watched<T>(act: () => Promise<T>): Promise<T>;
  dispose(): void;
}

const impossible = (mode: GpuMode, problem: string, help: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_SETTING', path: `backend gpu:${mode}`, problem, help });

/** A package that need not be there. The name in a variable keeps bundlers from looking for it. */
async function optional<T>(name: string): Promise<T | null> {
  try {
    const found = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as T & { readonly default?: T };
    return found.default ?? found;
  } catch {
    return null;
  }
}

/** A page that has no way to resolve packages may load gpu.js by a script tag: it is then `window.GPU`. */
async function gpuJs(mode: GpuMode): Promise<GpuJs> {
  const global = (globalThis as { GPU?: Partial<GpuJs> }).GPU;
  if (global?.GPU) return global as GpuJs;
  const found = await optional<GpuJs>('gpu.js');
  if (found?.GPU) return found;
  throw impossible(mode, 'the package gpu.js is not installed.', 'npm install gpu.js');
}

/** Node has no WebGPU: the package `webgpu` brings one. */
async function provideWebGpu(): Promise<void> {
  if (globalThis.navigator && 'gpu' in globalThis.navigator) return;
  const package_ = await optional<{ create(options: string[]): object; globals: object }>('webgpu');
  if (!package_) return;
  Object.assign(globalThis, package_.globals);
  const gpu = package_.create([]);
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
}

/** Opens a mode. Throws `INVALID_SETTING`, saying why, where it is not to be had here; never takes another one. */
export async function openDevice(mode: GpuMode): Promise<Device> {
  if (mode === 'webgpu') await provideWebGpu();
  const library = await gpuJs(mode);
  if (mode === 'webgpu') {
    if (!(await library.GPU.isWebGPUAvailable())) {
      const help = 'In Node, install the package webgpu and a Vulkan driver; in a browser, see chrome://gpu.';
      throw impossible(mode, 'there is no WebGPU adapter here.', help);
    }
    return webGpuDevice(library, await library.WebGPUContext.acquire());
  }
  if (mode === 'webgl2') {
    if (!library.GPU.isWebGL2Supported) {
      throw impossible(mode, 'there is no WebGL 2 here.', 'Use a browser that has it, or gpu:webgpu.');
    }
    return webGlDevice(new library.GPU({ mode }));
  }
  return plainDevice(mode, new library.GPU({ mode }));
}

/** The better of the two modes that are a GPU. Throws `INVALID_SETTING` where there is neither, with both reasons. */
export async function openGpu(): Promise<Device> {
  const reasons: string[] = [];
  for (const mode of ['webgpu', 'webgl2'] as const) {
    try {
      return await openDevice(mode);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  const problem = `there is no GPU here. ${reasons.join(' ')}`;
  throw new UnspoolError({ code: 'INVALID_SETTING', path: 'backend', problem, help: 'Use auto, wasm or reference.' });
}

/** The text of a program as gpu.js reads it. `columns`: whether the mode runs over columns and rows by itself. */
function source({ output, arrays, scalars, body }: Program, columns: boolean): string {
  const names = [...arrays.map((a) => `in_${a}`), ...arrays.map((a) => `from_${a}`), ...scalars].join(', ');
  const [width, height] = output;
  const place =
    height === undefined
      ? 'const x = this.thread.x;'
      : columns
        ? 'const x = this.thread.x; const y = this.thread.y;'
        : `const flat = this.thread.x; const y = Math.floor(flat / ${width}); const x = flat - y * ${width};`;
  return `function (${names}) {\n${place}\n${body}\n}`;
}

/** How gpu.js is told to make a kernel, in each mode. */
function settings(program: Program, columns: boolean, array: string, stays: boolean): object {
  const { output, arrays, scalars, fours = [] } = program;
  const [x, y = 1] = output;
  return {
    output: columns ? [...output] : [x * y],
    pipeline: stays,
    immutable: stays,
    precision: 'single',
    argumentTypes: [
      ...arrays.map((a) => (fours.includes(a) ? 'ArrayTexture(4)' : array)),
      ...arrays.map(() => (columns ? 'Integer' : 'Float')),
      ...scalars.map(() => 'Float'),
    ],
    dynamicArguments: true,
    loopMaxIterations: 2 ** 24,
  };
}

function webGpuDevice({ GPU }: GpuJs, context: WebGpuContext): Device {
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
    compile(program, { stays, fromHere }) {
      const how = settings(program, true, fromHere ? 'Array' : 'WebGPUBuffer', stays);
      const kernel = gpu.createKernel(source(program, true), how);
      return program.wide ? flattened(kernel) : kernel;
    },
    kindsOf: () => '',
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
 * On webgpu, four numbers a thread stand one after the other in the buffer: to whoever reads it next they are single numbers,
 * which gpu.js does not see by itself.
 */
function flattened(kernel: GpuKernel): GpuKernel {
  const run = async (...args: unknown[]): Promise<unknown> => {
    const result = (await kernel(...args)) as { componentCount: number; output: number[] };
    const [width, ...rest] = result.output;
    result.output = [4 * width!, ...rest];
    result.componentCount = 1;
    return result;
  };
  return Object.assign(run, { destroy: () => kernel.destroy() });
}

function webGlDevice(gpu: GpuInstance): Device {
  let gl = gpu.context;
  const requireAlive = (): void => {
    gl ??= gpu.context;
    if (gl?.isContextLost()) throw lost('the WebGL context was lost.');
  };
  // The context is there from the first kernel on.
  gpu.createKernel('function () { return 1; }', { output: [1] })();
  gl = gpu.context;
  const side = Number(gl?.getParameter(gl.MAX_TEXTURE_SIZE) ?? 0);
  const unmasked = gl?.getExtension('WEBGL_debug_renderer_info');
  return {
    info: {
      mode: 'webgl2',
      adapter: String(gl?.getParameter(unmasked?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER)),
      largestMatrix: 4 * side * side,
    },
    fours: 'textures',
    compile: (program, { stays, fromHere }) =>
      gpu.createKernel(source(program, true), settings(program, true, fromHere ? 'Array' : 'ArrayTexture(1)', stays)),
    kindsOf: (handles) => handles.map((h) => (h as { readonly output: readonly number[] }).output.length).join(''),
    requireAlive,
    watched: async (act) => {
      requireAlive();
      const acted = await settled(act);
      requireAlive(); // a lost context answers with whatever stood there
      if (gl && errorsOf(gl).includes(gl.OUT_OF_MEMORY)) throw noMemory();
      return outcome(acted, 'the WebGL context');
    },
    dispose: () => void gpu.destroy(),
  };
}

function plainDevice(mode: GpuMode, gpu: GpuInstance): Device {
  return {
    info: { mode, adapter: 'none', largestMatrix: Number.POSITIVE_INFINITY },
    fours: 'none',
    compile: (program, { stays }) => gpu.createKernel(source(program, false), settings(program, false, 'Array', stays)),
    kindsOf: () => '',
    requireAlive: () => {},
    watched: (act) => act(),
    dispose: () => void gpu.destroy(),
  };
}
