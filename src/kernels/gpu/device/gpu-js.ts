/** The parts of gpu.js that the backend uses, and the package that provides WebGPU in Node. Both load on first use. */
import { invalidSetting } from '../../../errors.js';
import { reasonOf } from './faults.js';
import type { GpuBuffer, GpuDevice } from './webgpu-api.js';

/** A kernel of gpu.js. */
export type GpuJsKernel = ((...args: unknown[]) => unknown) & {
  destroy(): void;
  setOutput(output: readonly number[]): void;
  readonly kernel: {
    readonly kernelArguments?: readonly KernelArgument[] | null;
    /** On WebGPU: returns the shader. gpu.js calls it once, before the first run. */
    assembleWGSL?(): string;
    /** On WebGPU: the numbers that a thread returns. */
    componentCount?: number;
    /** On WebGPU: what the last run encoded. */
    readonly computePipeline?: object | null;
    readonly bindGroupLayout?: object | null;
    readonly paramsMirror?: ArrayBuffer | null;
    readonly paramsLayout?: { readonly scalarArgs: readonly { readonly offset: number }[] } | null;
    readonly threadDim?: readonly number[] | null;
    _computeDispatch?(threads: readonly number[]): { readonly groups: readonly [number, number, number] };
  };
};

/** An argument of a kernel. In WebGL gpu.js may keep the previous one. */
interface KernelArgument {
  prevArg?: { delete(): void } | null;
}

/** A result of a plan: numbers, or rows of numbers. */
export type PlanResult = Float32Array | readonly Float32Array[];

/** A plan of gpu.js: many kernels in one call. */
export type Pipeline = ((...args: unknown[]) => Promise<readonly PlanResult[]>) & {
  readonly executorKind: 'generic' | 'fused-encoder' | 'fused-sync' | 'fused-threaded';
  readonly fallbackReason: string | null;
  destroy(): Promise<void>;
};

export interface WebGpuContext {
  readonly adapter: {
    readonly info?: { readonly vendor: string; readonly architecture: string; readonly description: string };
  };
  readonly device: GpuDevice & {
    readonly limits: Readonly<
      Record<'maxStorageBufferBindingSize' | 'maxBufferSize' | 'maxComputeWorkgroupsPerDimension', number>
    >;
    pushErrorScope(filter: 'out-of-memory' | 'validation'): void;
    popErrorScope(): Promise<{ readonly message: string } | null>;
  };
  readonly isLost: boolean;
}

/** The methods of a WebGL context that this backend calls itself. */
export interface WebGl {
  isContextLost(): boolean;
  getError(): number;
  getParameter(name: number): unknown;
  getExtension(name: 'WEBGL_debug_renderer_info'): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  getExtension(name: 'EXT_color_buffer_float'): object | null;
  getExtension(name: 'WEBGL_lose_context'): { loseContext(): void } | null;
  bindAttribLocation(program: object, place: number, name: string): void;
  shaderSource(shader: object, text: string): void;
  linkProgram(program: object): void;
  getAttachedShaders(program: object): readonly object[] | null;
  getShaderParameter(shader: object, name: number): unknown;
  getShaderInfoLog(shader: object): string | null;
  getProgramParameter(program: object, name: number): unknown;
  getProgramInfoLog(program: object): string | null;
  readonly MAX_TEXTURE_SIZE: number;
  readonly MAX_DRAW_BUFFERS: number;
  readonly NO_ERROR: number;
  readonly OUT_OF_MEMORY: number;
  readonly RENDERER: number;
  readonly COMPILE_STATUS: number;
  readonly LINK_STATUS: number;
}

export interface GpuInstance {
  createKernel(source: string, settings: object): GpuJsKernel;
  createPipeline(orchestrate: (...args: unknown[]) => unknown): Pipeline;
  addFunction(source: string, settings: object): void;
  addNativeFunction(name: string, source: string, types?: object): void;
  destroy(): Promise<void>;
}

export interface GpuJs {
  readonly GPU: (new (settings: {
    mode: string;
  }) => GpuInstance) & {
    /** Applies to all instances and kernels created until it is enabled. */
    disableValidation(): void;
    enableValidation(): void;
    isWebGPUAvailable(): Promise<boolean>;
  };
  readonly Input: new (values: Float32Array, size: readonly number[]) => object;
  /** A result of a kernel on WebGPU. */
  readonly WebGPUBufferResult: new (of: {
    readonly buffer: GpuBuffer;
    readonly output: readonly number[];
    readonly componentCount: number;
    readonly context: object;
    readonly kernel: null;
  }) => object;
  readonly WebGPUContext: { acquire(): Promise<WebGpuContext>; destroy(): Promise<void> };
}

/**
 * An optional package, or null if it is not installed. The name in a variable keeps bundlers from resolving it. Throws
 * `INVALID_SETTING` if the package is installed and does not load, for example because it needs a newer system library.
 */
async function optional<T>(name: string): Promise<T | null> {
  try {
    const found = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as T & { readonly default?: T };
    return found.default ?? found;
  } catch (error) {
    if (isNotInstalled(error, name)) return null;
    const problem = `the package ${name} is installed but does not load: ${reasonOf(error)}`;
    throw invalidSetting('backend', problem);
  }
}

/**
 * Whether an import failed because the package is not installed. The message depends on the engine, but contains the
 * name.
 */
function isNotInstalled(error: unknown, name: string): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const words = /cannot find|failed to resolve|failed to fetch|not a dependency|relative import path|specifier/i;
  return message.includes(name) && (code.endsWith('MODULE_NOT_FOUND') || words.test(message));
}

/** gpu.js, or null. A page that cannot resolve packages may load it with a script tag, which sets `window.GPU`. */
export async function loadGpuJs(): Promise<GpuJs | null> {
  const global = (globalThis as { GPU?: Partial<GpuJs> }).GPU;
  if (global?.GPU) return global as GpuJs;
  const found = await optional<GpuJs>('gpu.js');
  return found?.GPU ? found : null;
}

/** Provides WebGPU in Node, from the package `webgpu`. */
export async function provideWebGpu(): Promise<void> {
  if (globalThis.navigator && 'gpu' in globalThis.navigator) return;
  const package_ = await optional<{ create(options: string[]): object; globals: object }>('webgpu');
  if (!package_) return;
  for (const [name, value] of Object.entries(package_.globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true }); // `GPU` may be gpu.js
  }
  const gpu = package_.create([]);
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
}
