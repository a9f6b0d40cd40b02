/** A gpu.js for tests of the devices. */
import type { GpuJs, WebGpuContext } from '../../src/kernels/gpu/device/gpu-js.js';

/** What gpu.js keeps of a kernel. */
interface Kept extends Record<string, unknown> {
  assembleWGSL?: () => string;
  componentCount?: number;
}

export const SHADER = `struct Params {}
@group(0) @binding(0) var<storage, read> user_inu_ua : array<f32>;
@group(0) @binding(1) var<storage, read_write> result : array<f32>;
var<private> threadGid : vec3<u32>;
fn old() {}
@compute @workgroup_size(64)
fn main() {
  let data_index = 1;
}`;

/** A gpu.js that notes what it is asked, and whose kernels return their arguments. */
export function fakeGpuJs({
  fails = false,
  available = true,
  acquire = async (): Promise<unknown> => contextOf(),
} = {}) {
  const log: unknown[] = [];
  const kernels: { source: string; settings: Record<string, unknown>; kernel: Kept }[] = [];
  const runs: unknown[] = [];
  class GPU {
    static isWebGPUAvailable = async () => available;
    constructor({ mode }: { mode: string }) {
      log.push(mode);
    }
    addFunction = (source: string, types: unknown) => log.push([source, types]);
    destroy = () => log.push('destroyed');
    createKernel(source: string, settings: Record<string, unknown>) {
      const kernel: Kept = { assembleWGSL: () => SHADER };
      kernels.push({ source, settings, kernel });
      const run = (...args: unknown[]) => {
        runs.push(args);
        if (fails) throw new Error('no eval');
        return kernel.componentCount ? { componentCount: kernel.componentCount, output: [3, 2], args } : args;
      };
      const setOutput = (output: unknown) => log.push(['output', output]);
      return Object.assign(run, { kernel, setOutput, destroy: () => log.push('kernel destroyed') });
    }
  }
  class Input {}
  class WebGPUBufferResult {
    constructor(of: object) {
      Object.assign(this, of);
    }
  }
  const gpuJs = { GPU, Input, WebGPUBufferResult, WebGPUContext: { acquire } } as unknown as GpuJs;
  return { gpuJs, log, kernels, runs, Input };
}

/** A context of WebGPU whose error scopes give these errors: first of validation, then of memory. */
export function contextOf({
  errors = [] as unknown[],
  info = undefined as object | undefined,
  lost = { is: false },
} = {}) {
  const calls: string[] = [];
  const device = {
    limits: { maxStorageBufferBindingSize: 1000, maxBufferSize: 900, maxComputeWorkgroupsPerDimension: 2 },
    pushErrorScope: (filter: string) => calls.push(filter),
    async popErrorScope() {
      calls.push('pop');
      const error = errors.shift() ?? null;
      if (error instanceof Error) throw error;
      return error;
    },
  };
  const context = {
    adapter: { info },
    device,
    calls,
    get isLost() {
      return lost.is;
    },
  };
  return context as unknown as WebGpuContext & { readonly calls: string[] };
}
