/** A page that runs the GPU backend: packed from the sources, so that the common suite comes along. */
import * as gpuJs from 'gpu.js';
import type { UnspoolError } from '../../src/errors.js';
import { createGpu, type GpuKernels, type GpuMode } from '../../src/kernels/gpu/index.js';
import type { GoldenCase } from '../support/golden.js';
import { conformance, goldenErrors, productErrors, trained, trainingError } from '../support/gpu-runs.js';

let k: GpuKernels;

/** Every WebGL 2 context that the page made. */
const contexts: WebGL2RenderingContext[] = [];
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

Object.assign(window, {
  GPU: gpuJs,
  ready: true,
  async start(mode: GpuMode) {
    k = await createGpu(mode);
    return { name: k.name, variant: k.variant, executor: k.executor, ...k.device };
  },
  conformance: (stride: number) => conformance(k, stride),
  golden: (g: GoldenCase) => goldenErrors(g, k),
  trainingError: () => trainingError(k),
  productErrors: () => productErrors(k),
  async leftBehind() {
    await trained(k, 3);
    const before = k.counts.resident;
    await trained(k, 20);
    return [k.counts.resident - before, k.memory.inUse()];
  },
  /** WebGL only: what a read says after the context is gone. */
  async loseContext() {
    const m = k.alloc(2, 3);
    k.fill(m, 4);
    k.add(m, m, m);
    await k.download(m);
    contexts.at(-1)!.getExtension('WEBGL_lose_context')!.loseContext();
    try {
      return [...(await k.download(m))];
    } catch (error) {
      return (error as UnspoolError).problem;
    }
  },
  counts: () => ({ ...k.counts }),
  dispose: () => k.dispose(),
});
