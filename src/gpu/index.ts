/** `unspool/gpu`: the GPU's modes, and which backend is fastest for a model, measured. */
import { randomBatch } from '../core/gradcheck.js';
import type { PassShape } from '../core/layer.js';
import type { ModelSpec } from '../core/spec.js';
import { fit } from '../core/trainer.js';
import { createModel } from '../create.js';
import type { BackendChoice } from '../kernels/select.js';
import { adam } from '../optim/adam.js';

export {
  createGpu,
  type DeviceInfo,
  GPU_MODES,
  type GpuCounts,
  type GpuKernels,
  type GpuMode,
} from '../kernels/gpu/index.js';

export { type DownloadedStep, downloadSteps } from './steps.js';

/** What a backend did with a training step of a model. */
export interface MeasuredBackend {
  readonly backend: BackendChoice;
  /** Milliseconds of a step: the median of those after the first, which lays out and compiles. Infinity where it cannot. */
  readonly step: number;
  readonly first: number;
  /** The GPU, as its driver calls it. */
  readonly adapter: string | null;
  /** Why it cannot. */
  readonly problem: string | null;
}

/** What `measureBackends` tries. gpu.js's `webasm` and `cpu` are slower than ours everywhere, and are tried where asked for. */
const TRIED: readonly BackendChoice[] = ['wasm', 'gpu:webgpu', 'gpu:webgl2'];

/**
 * Trains the model of `spec` for a few steps of `shape`, with random data and Adam, on each backend; fastest first. It takes
 * some ten steps of each, and loads gpu.js: ask once, and keep what it says.
 *
 * @example
 * const [fastest] = await measureBackends(spec, { steps: 64, rows: 32 });
 * const model = await createModel(spec, { backend: fastest.backend });
 */
export async function measureBackends(
  spec: ModelSpec,
  shape: PassShape,
  { backends = TRIED, steps = 5 }: { readonly backends?: readonly BackendChoice[]; readonly steps?: number } = {},
): Promise<MeasuredBackend[]> {
  const found: MeasuredBackend[] = [];
  for (const backend of backends) {
    try {
      found.push(await measured(spec, shape, backend, steps));
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      const never = Number.POSITIVE_INFINITY;
      found.push({ backend, step: never, first: never, adapter: null, problem });
    }
  }
  return found.sort((a, b) => a.step - b.step);
}

async function measured(
  spec: ModelSpec,
  shape: PassShape,
  backend: BackendChoice,
  steps: number,
): Promise<MeasuredBackend> {
  const begin = performance.now();
  const model = await createModel(spec, { backend });
  try {
    const batch = randomBatch(spec, shape, model.outputSize);
    const train = { stateful: false, length: steps + 1, batch: () => batch };
    const training = fit(model, { train }, { optimizer: adam() });
    const times: number[] = [];
    let from = begin;
    for await (const event of training) {
      if (event.kind !== 'step') continue;
      const now = performance.now();
      times.push(now - from);
      from = now;
    }
    training.dispose();
    const [first = 0, ...rest] = times;
    const { device } = model.kernels as { readonly device?: { readonly adapter: string } };
    const step = rest.sort((a, b) => a - b)[rest.length >> 1] ?? first;
    return { backend, step, first, adapter: device?.adapter ?? null, problem: null };
  } finally {
    model.dispose();
  }
}
