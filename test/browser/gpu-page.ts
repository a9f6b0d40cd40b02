/** A page that runs the GPU backend. It is bundled from the sources, so that it includes the conformance suite. */
import * as gpuJs from 'gpu.js';
import type { UnspoolError } from '../../src/errors.js';
import { createGpu, type GpuKernels, type GpuMode } from '../../src/kernels/gpu/index.js';
import type { GoldenCase } from '../support/golden.js';
import { conformance, goldenErrors, productErrors, trained, trainingError, wideErrors } from '../support/gpu-runs.js';

let k: GpuKernels;

/** Every WebGL 2 context that the page created. */
const contexts: WebGL2RenderingContext[] = [];
/** The context of `k`. */
let context: WebGL2RenderingContext | undefined;
type GetContext = (this: unknown, kind: string, options?: object) => object | null;
for (const Canvas of [HTMLCanvasElement, OffscreenCanvas]) {
  const prototype = Canvas.prototype as unknown as { getContext: GetContext };
  const { getContext } = prototype;
  prototype.getContext = function (kind, options) {
    const made = getContext.call(this, kind, options);
    if (kind === 'webgl2' && made) contexts.push(made as WebGL2RenderingContext);
    return made;
  };
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Replaces a method until the returned function is called. */
function replaceMethod(prototype: object, name: string, make: (original: Method) => Method): () => void {
  const methods = prototype as Record<string, Method>;
  const original = methods[name]!;
  methods[name] = make(original);
  return () => {
    methods[name] = original;
  };
}

const webGl = WebGL2RenderingContext.prototype;
const webGpu = () => (window as unknown as { GPUDevice: { prototype: object } }).GPUDevice.prototype;

/** A driver whose compiler fails, or that has no memory left. */
const FAULTS = {
  webgl2: {
    shader: () => replaceMethod(webGl, 'getShaderParameter', () => () => false),
    memory: () => {
      const flags = [webGl.OUT_OF_MEMORY];
      return replaceMethod(webGl, 'getError', () => () => flags.pop() ?? webGl.NO_ERROR);
    },
  },
  webgpu: {
    shader: () =>
      replaceMethod(webGpu(), 'createShaderModule', (original) => {
        return function (description) {
          return original.call(this, { ...(description as { code: string }), code: 'fn main( {' });
        };
      }),
    memory: () => {
      const scopes: unknown[] = [];
      const restore = [
        replaceMethod(webGpu(), 'pushErrorScope', (original) => {
          return function (filter) {
            scopes.push(filter);
            return original.call(this, filter);
          };
        }),
        replaceMethod(webGpu(), 'popErrorScope', (original) => {
          return function () {
            const isMemory = scopes.pop() === 'out-of-memory';
            const found = original.call(this);
            return isMemory ? Promise.resolve({ message: 'no memory' }) : found;
          };
        }),
      ];
      return () => {
        for (const one of restore) one();
      };
    },
  },
};

Object.assign(window, {
  GPU: gpuJs,
  ready: true,
  async start(mode: GpuMode) {
    k = await createGpu(mode);
    context = contexts.at(-1);
    return { name: k.name, variant: k.variant, executor: k.executor, ...k.device };
  },
  conformance: (stride: number) => conformance(k, stride),
  golden: (g: GoldenCase) => goldenErrors(g, k),
  trainingError: () => trainingError(k),
  productErrors: (few: boolean) => productErrors(k, few),
  wideErrors: () => wideErrors(k),
  async leftBehind() {
    await trained(k, 3);
    const before = k.counts.resident;
    await trained(k, 20);
    return [k.counts.resident - before, k.memory.inUse()];
  },
  /** WebGL only: the error of a read after the context is lost. */
  async loseContext() {
    const m = k.alloc(2, 3);
    k.fill(m, 4);
    k.add(m, m, m);
    await k.download(m);
    context!.getExtension('WEBGL_lose_context')!.loseContext();
    try {
      return [...(await k.download(m))];
    } catch (error) {
      return (error as UnspoolError).problem;
    }
  },
  /** The error of a read on a separate device on which a fault occurs. */
  async withFault(mode: GpuMode, fault: 'shader' | 'memory') {
    const other = await createGpu(mode);
    const m = other.alloc(5, 7);
    other.fill(m, 4);
    await other.download(m);
    const restore = FAULTS[mode as 'webgl2' | 'webgpu'][fault]();
    try {
      other.add(m, m, m);
      return [...(await other.download(m))];
    } catch (error) {
      return [(error as UnspoolError).problem, (error as Error).message];
    } finally {
      restore();
      other.dispose();
    }
  },
  executor: () => [k.executor, k.planRefused],
  counts: () => ({ ...k.counts }),
  dispose: () => k.dispose(),
});
