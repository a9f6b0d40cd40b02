/** What is used of gpu.js, and of the package that brings WebGPU to Node; loaded when a GPU is asked for. */
import { invalidSetting } from '../../../errors.js';
import { reasonOf } from './faults.js';

/** A kernel of gpu.js. */
export type Made = ((...args: unknown[]) => unknown) & {
  destroy(): void;
  setOutput(output: readonly number[]): void;
  readonly kernel: {
    readonly kernelArguments?: readonly Seat[] | null;
    /** On WebGPU: the shader, asked for once, before the first run. */
    assembleWGSL?(): string;
    /** On WebGPU: the numbers that a thread gives. */
    componentCount?: number;
  };
};

/** Where a kernel takes an argument; in WebGL perhaps with the last one, kept. */
interface Seat {
  prevArg?: { delete(): void } | null;
}

/** Numbers, or rows of them. */
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
  readonly device: {
    readonly limits: Readonly<
      Record<'maxStorageBufferBindingSize' | 'maxBufferSize' | 'maxComputeWorkgroupsPerDimension', number>
    >;
    pushErrorScope(filter: 'out-of-memory' | 'validation'): void;
    popErrorScope(): Promise<{ readonly message: string } | null>;
  };
  readonly isLost: boolean;
}

/** What is called of a WebGL context besides what gpu.js does. */
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
  createKernel(source: string, settings: object): Made;
  createPipeline(orchestrate: (...args: unknown[]) => unknown): Pipeline;
  addNativeFunction(name: string, source: string, types?: object): void;
  destroy(): Promise<void>;
}

export interface GpuJs {
  readonly GPU: (new (settings: {
    mode: string;
  }) => GpuInstance) & {
    /** Of all instances and kernels that are made until it is enabled. */
    disableValidation(): void;
    enableValidation(): void;
    isWebGPUAvailable(): Promise<boolean>;
  };
  readonly Input: new (values: Float32Array, size: readonly number[]) => object;
  readonly WebGPUContext: { acquire(): Promise<WebGpuContext>; destroy(): Promise<void> };
}

/**
 * A package that need not be there. The name in a variable keeps bundlers from looking for it. Throws `INVALID_SETTING` where it
 * is there and cannot be loaded, as what needs a newer system library.
 */
async function optional<T>(name: string): Promise<T | null> {
  try {
    const found = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as T & { readonly default?: T };
    return found.default ?? found;
  } catch (error) {
    if (isAbsence(error, name)) return null;
    const problem = `the package ${name} is there, but cannot be loaded: ${reasonOf(error)}`;
    throw invalidSetting('backend', problem);
  }
}

/** Whether an import failed since there is no package of that name. Engines have different words for it, all with the name. */
function isAbsence(error: unknown, name: string): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const words = /cannot find|failed to resolve|failed to fetch|not a dependency|relative import path|specifier/i;
  return message.includes(name) && (code.endsWith('MODULE_NOT_FOUND') || words.test(message));
}

/** gpu.js, or null. A page that has no way to resolve packages may load it by a script tag: it is then `window.GPU`. */
export async function loadGpuJs(): Promise<GpuJs | null> {
  const global = (globalThis as { GPU?: Partial<GpuJs> }).GPU;
  if (global?.GPU) return global as GpuJs;
  const found = await optional<GpuJs>('gpu.js');
  return found?.GPU ? found : null;
}

/** Node has no WebGPU: the package `webgpu` brings one. */
export async function provideWebGpu(): Promise<void> {
  if (globalThis.navigator && 'gpu' in globalThis.navigator) return;
  const package_ = await optional<{ create(options: string[]): object; globals: object }>('webgpu');
  if (!package_) return;
  for (const [name, value] of Object.entries(package_.globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true }); // GPU may be gpu.js
  }
  const gpu = package_.create([]);
  if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
}
