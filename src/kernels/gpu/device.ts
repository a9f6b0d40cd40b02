/** gpu.js, loaded when a GPU is asked for: which of its modes there is here, its kernels, and whether the device still lives. */
import { UnspoolError } from '../../errors.js';
import { errorsOf, lost, noMemory, outcome, settled } from './faults.js';
import { expanded } from './text/moves.js';
import type { Fours, Program } from './values.js';

/**
 * `webgpu`: compute shaders. `webgl2`: fragment shaders over float textures. `webasm` and `cpu` need no GPU: gpu.js's own
 * WebAssembly and plain JavaScript.
 */
export const GPU_MODES = ['webgpu', 'webgl2', 'webasm', 'cpu'] as const;
export type GpuMode = (typeof GPU_MODES)[number];

export type GpuKernel = ((...args: unknown[]) => unknown) & {
  destroy(): void;
  /** Where one kernel serves every size: from now on this one. */
  resize?(output: Program['output']): void;
};

/** What gpu.js makes. */
type Made = ((...args: unknown[]) => unknown) & {
  destroy(): void;
  setOutput(output: readonly number[]): void;
  readonly kernel: { readonly kernelArguments?: readonly { prevArg?: Texture | null }[] | null };
};

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
  createKernel(source: string, settings: object): Made;
  addNativeFunction(name: string, source: string): void;
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
  /** The most arrays of one kernel. */
  readonly mostArrays: number;
  /** Threads that keep it busy: more of them, or more work for each, from here on. */
  readonly atOnce: number;
  /** Whether a kernel serves every size of its output, where the text does. */
  readonly resizes: boolean;
  /** `kinds`: of each array that is read number by number, f for a texture of fours, s for one of single numbers. */
  compile(program: Program, how: Compiling): GpuKernel;
  /** Throws `DEVICE_LOST`. */
  requireAlive(): void;
  /** Acts, and throws what the device complained of meanwhile. */
  watched<T>(act: () => Promise<T>): Promise<T>;
  dispose(): void;
}

interface Compiling {
  readonly stays: boolean;
  readonly fromHere: boolean;
  readonly kinds: string;
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
function source({ output, arrays, sizes = {}, scalars, body }: Program, columns: boolean, kinds = ''): string {
  const begins = arrays.map((a) => `from_${a}`);
  const names = [...arrays.map((a) => `in_${a}`), ...begins, ...Object.keys(sizes), ...scalars].join(', ');
  const [width, height] = output;
  const place =
    height === undefined
      ? 'const x = this.thread.x;'
      : columns
        ? 'const x = this.thread.x; const y = this.thread.y;'
        : `const flat = this.thread.x; const y = Math.floor(flat / ${width}); const x = flat - y * ${width};`;
  const text = expanded(body, (array) => kinds[arrays.indexOf(array)] === 'f');
  return `function (${names}) {\n${place}\n${text}\n}`;
}

/** A texture of fours, in WebGL: one number of the four that element `e` is in. */
const PICK = 'float pick(vec4 v, float e) { return v[int(e) & 3]; }';

/** A kernel's further results: gpu.js takes them as functions that it calls and whose values it keeps. */
const further = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => {
    const name = `also${i + 1}`;
    return { name, property: name, source: `function ${name}(s, t, u, v) { return [s, t, u, v]; }` };
  });

/** In 32-bit floats: by itself gpu.js counts places in fewer bits, where a driver can. */
const ALWAYS = { precision: 'single', tactic: 'precision' };

/** How gpu.js is told to make a kernel, in each mode. */
function settings(program: Program, columns: boolean, types: readonly string[], stays: boolean): object {
  const { output, arrays, sizes, scalars, also = 0 } = program;
  const [x, y = 1] = output;
  const whole = columns ? 'Integer' : 'Float';
  return {
    output: columns ? [...output] : [x * y],
    dynamicOutput: columns && sizes !== undefined,
    pipeline: stays,
    immutable: stays,
    ...ALWAYS,
    argumentTypes: [
      ...types,
      ...arrays.map(() => whole),
      ...Object.keys(sizes ?? {}).map(() => whole),
      ...scalars.map(() => 'Float'),
    ],
    ...(also > 0 ? { subKernels: further(also) } : {}),
    dynamicArguments: true,
    loopMaxIterations: 2 ** 24,
  };
}

/** `run` in the place of the kernel's own call; `made` serves every size where its text does. */
function kernelOf(made: Made, { output, sizes }: Program, run: (...args: unknown[]) => unknown): GpuKernel {
  const destroy = (): void => made.destroy();
  if (!sizes) return Object.assign(run, { destroy });
  let now = output.join('x');
  const resize = (next: Program['output']): void => {
    const name = next.join('x');
    if (name === now) return;
    now = name;
    made.setOutput(next);
    // In WebGL gpu.js writes into a texture again that the kernel was given before, once nobody else holds it: of the old size.
    for (const seat of made.kernel.kernelArguments ?? []) {
      seat.prevArg?.delete();
      seat.prevArg = null;
    }
  };
  return Object.assign(run, { destroy, resize });
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
    mostArrays: 7,
    atOnce: 8192,
    resizes: true,
    compile(program, { stays, fromHere }) {
      const types = program.arrays.map(() => (fromHere ? 'Array' : 'WebGPUBuffer'));
      const made = gpu.createKernel(source(program, true), settings(program, true, types, stays));
      return kernelOf(made, program, program.wide ? flattened(made) : (...args) => made(...args));
    },
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
function flattened(made: Made): (...args: unknown[]) => Promise<unknown> {
  return async (...args) => {
    const result = (await made(...args)) as { componentCount: number; output: number[] };
    const [width, ...rest] = result.output;
    result.output = [4 * width!, ...rest];
    result.componentCount = 1;
    return result;
  };
}

interface Texture {
  readonly output: readonly number[];
  delete(): void;
}

/** gpu.js has a class of textures for each number of dimensions, and compiles a kernel for each class. */
type TextureClass = new (settings: object) => Texture;

/** What gpu.js calls a kernel's results: one, or one by name and the others. */
const resultsOf = (given: unknown): Texture[] => {
  const { result, ...more } = given as { readonly result?: Texture };
  return result ? [result, ...(Object.values(more) as Texture[])] : [given as Texture];
};

/** The texture as one row, which is how kernels read all of them. */
function asRow(texture: Texture, Row: TextureClass): Texture {
  if (texture.output.length === 1) return texture;
  const row = new Row({ ...texture, output: [texture.output.reduce((all, n) => all * n)] });
  texture.delete(); // one holder fewer of what it lies in
  return row;
}

/** WebGL 2 has at least 16 texture units; gpu.js makes its textures in the last of these. */
const MOST_TEXTURES = 15;

/** Drivers that compute on the processor. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|basic render/i;

function webGlDevice(gpu: GpuInstance): Device {
  let gl = gpu.context;
  const requireAlive = (): void => {
    gl ??= gpu.context;
    if (gl?.isContextLost()) throw lost('the WebGL context was lost.');
  };
  gpu.addNativeFunction('pick', PICK);
  // The context is there from the first kernel on.
  const [Single, Four] = ['1', '[1, 1, 1, 1]'].map((one) => {
    const kernel = gpu.createKernel(`function () { return ${one}; }`, { ...ALWAYS, output: [1], pipeline: true });
    const { constructor } = kernel() as Texture;
    kernel.destroy();
    return constructor as TextureClass;
  });
  gl = gpu.context;
  const side = Number(gl?.getParameter(gl.MAX_TEXTURE_SIZE) ?? 0);
  const unmasked = gl?.getExtension('WEBGL_debug_renderer_info');
  const adapter = String(gl?.getParameter(unmasked?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
  return {
    info: { mode: 'webgl2', adapter, largestMatrix: 4 * side * side },
    fours: 'textures',
    mostArrays: MOST_TEXTURES,
    atOnce: SOFTWARE.test(adapter) ? 64 : 8192,
    resizes: true,
    compile(program, { stays, fromHere, kinds }) {
      const { arrays, fours = [] } = program;
      const isFours = (i: number): boolean => fours.includes(arrays[i]!) || kinds[i] === 'f';
      const types = arrays.map((_, i) => (fromHere ? 'Array' : isFours(i) ? 'ArrayTexture(4)' : 'ArrayTexture(1)'));
      const made = gpu.createKernel(source(program, true, kinds), settings(program, true, types, stays));
      const Row = (program.wide ? Four : Single)!;
      const run = (...args: unknown[]): unknown => {
        const textures = resultsOf(made(...args)).map((texture) => asRow(texture, Row));
        return program.also ? textures : textures[0];
      };
      return kernelOf(made, program, stays ? run : (...args) => made(...args));
    },
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
    mostArrays: 7,
    atOnce: 1,
    resizes: false,
    compile(program, { stays }) {
      const types = program.arrays.map(() => 'Array');
      const made = gpu.createKernel(source(program, false), settings(program, false, types, stays));
      return Object.assign((...args: unknown[]) => made(...args), { destroy: () => made.destroy() });
    },
    requireAlive: () => {},
    watched: (act) => act(),
    dispose: () => void gpu.destroy(),
  };
}
