/** Which backend computes: what is asked for, or an error; never silently another one. */
import type { Kernels, Precision } from '../contract/kernels.js';
import { invalidSetting, requireInteger } from '../errors.js';
import type { GpuMode } from './gpu/device/modes.js';
import { createWasm, type WasmVariant, wasmVariant } from './wasm/index.js';

export { preferRevec } from './wasm/trial.js';

export type Backend = 'reference' | 'wasm' | 'gpu';

/** A backend; of the GPU's, perhaps which of gpu.js's modes. `gpu` alone: webgpu where there is one, else webgl2. */
export type BackendChoice = Backend | `gpu:${GpuMode}`;

export interface BackendOptions {
  /**
   * `wasm` (SIMD WebAssembly, float32), `reference` (plain JavaScript, both precisions) or `gpu` (float32; needs the package
   * gpu.js, docs/gpu.md). `auto` takes `wasm` where the engine runs it and the precision is float32, else `reference`.
   * Default `auto`.
   */
  readonly backend?: 'auto' | BackendChoice;
  /** Default `float32`. */
  readonly precision?: Precision;
  /**
   * Threads that share the work of the wasm backend, this one included. They start when there is work that is worth
   * sharing, and do not change a bit of any result. Default 1; `auto` takes one a processor core, up to 4.
   */
  readonly threads?: number | 'auto';
}

const GPUS: readonly string[] = [
  'gpu',
  'gpu:webgpu',
  'gpu:webgl2',
  'gpu:webasm',
  'gpu:cpu',
] satisfies readonly BackendChoice[];

/** The backend that `auto` means here, or that is asked for. Throws `INVALID_SETTING` for one that there is not. */
function chooseBackend({ backend = 'auto', precision = 'float32' }: BackendOptions = {}): Backend {
  if (precision !== 'float32' && precision !== 'float64') {
    throw invalidSetting('precision', `${JSON.stringify(precision)} is no precision.`, 'Use float32 or float64.');
  }
  switch (backend) {
    case 'auto':
      return precision === 'float32' && wasmVariant() ? 'wasm' : 'reference';
    case 'reference':
      return 'reference';
    case 'wasm':
      if (precision !== 'float32') throw invalidSetting('backend', 'wasm computes in float32 only.', 'Use reference.');
      if (!wasmVariant()) throw invalidSetting('backend', 'this engine has no WebAssembly SIMD.', 'Use reference.');
      return 'wasm';
    default: {
      if (!GPUS.includes(String(backend))) {
        const help = `Use auto, wasm, reference, ${GPUS.join(', ')}.`;
        throw invalidSetting('backend', `${JSON.stringify(backend)} is no backend.`, help);
      }
      if (precision !== 'float32') throw invalidSetting('backend', 'gpu computes in float32 only.', 'Use reference.');
      return 'gpu';
    }
  }
}

/**
 * Processor cores that threads can run on: browsers, Deno and Bun tell by `navigator`, older Nodes by a module. A page that
 * is not cross-origin isolated cannot share memory with workers.
 */
const cores = (): number =>
  globalThis.crossOriginIsolated === false
    ? 1
    : (globalThis.navigator?.hardwareConcurrency ??
      globalThis.process?.getBuiltinModule?.('node:os').availableParallelism() ??
      1);

/** What `selectKernels` would take for these options, without making it. Throws `INVALID_SETTING` likewise. */
export function describeBackend(options: BackendOptions = {}): {
  readonly backend: Backend;
  /** The instructions that the wasm backend uses: `simd`, `relaxed` or `revec`; the mode of gpu.js that was asked for. */
  readonly variant: WasmVariant | GpuMode | null;
  readonly threads: number;
} {
  const backend = chooseBackend(options);
  const { threads = 1 } = options;
  if (threads !== 'auto') requireInteger('threads', threads, 1, 15);
  if (backend === 'reference') return { backend, variant: null, threads: 1 };
  if (backend === 'gpu')
    return { backend, variant: (options.backend?.split(':')[1] ?? null) as GpuMode | null, threads: 1 };
  return { backend, variant: wasmVariant(), threads: threads === 'auto' ? Math.min(4, cores()) : threads };
}

/** A backend with a memory of its own. Throws `INVALID_SETTING` for a backend or precision that there is not. */
export async function selectKernels(options: BackendOptions = {}): Promise<Kernels> {
  const { backend, variant, threads } = describeBackend(options);
  if (backend === 'wasm') return createWasm(variant as WasmVariant, { threads });
  if (backend === 'gpu') return (await import('./gpu/index.js')).createGpu(variant as GpuMode | null);
  const { createReference } = await import('./reference/index.js'); // a page that runs wasm does not load it
  return createReference(options.precision ?? 'float32');
}
