/** Measures which backend trains a model fastest. */

import { requireChoice, requireInteger, requireKeys, requireOptions, shown } from '../checks.js';
import { type Kernels, MAX_THREADS } from '../contract/kernels.js';
import type { BackendTiming } from '../core/backend-timing.js';
import { variantsFor } from '../core/build.js';
import { frozenCopy } from '../core/copies.js';
import { type Batch, Model } from '../core/model.js';
import type { PassShape } from '../core/pass.js';
import type { ModelSpec } from '../core/spec.js';
import { requireSpec } from '../core/spec-check.js';
import { invalidSetting } from '../errors.js';
import {
  BACKEND_CHOICES,
  type BackendChoice,
  type BackendOptions,
  requireBackendOptions,
  selectKernels,
} from '../kernels/select.js';
import { adam } from '../optim/adam.js';
import { fit } from '../train/trainer.js';

/** What is measured by default: all but the backends for reading and for tests. */
const MEASURED: readonly BackendChoice[] = ['wasm', 'blas', 'gpu:webgpu', 'gpu:webgl2'];

/** Updates that are not timed: the first ones compile kernels, and then plans. */
const WARM_UP = 4;

/** Options of `measureBackends`. */
export interface MeasureOptions extends Pick<BackendOptions, 'threads'> {
  /** Default: `wasm`, `gpu:webgpu`, `gpu:webgl2`, and `blas` if its products are faster than those of `wasm`. */
  readonly backends?: readonly BackendChoice[];
  /** Updates that are timed. Default 5. */
  readonly updates?: number;
}

/**
 * Times training updates of a model on several backends. Returns them fastest first; backends that failed come last,
 * with the reason in `error`. Each backend runs about ten updates on batches of `shape`, with generated data and Adam.
 * This loads gpu.js, so measure once and keep the result.
 *
 * @example
 * const [fastest] = await measureBackends(spec, { steps: 64, batchSize: 32 });
 * const model = await createModel(spec, { backend: fastest.backend });
 */
export async function measureBackends(
  spec: ModelSpec,
  shape: PassShape,
  options: MeasureOptions = {},
): Promise<BackendTiming<BackendChoice>[]> {
  requireSpec(spec);
  const size = copyOfShape(shape);
  requireOptions('options', options, ['backends', 'updates', 'threads']);
  const { backends = MEASURED, updates = 5, threads } = options;
  requireInteger('updates', updates, 1, 1 << 20);
  if (threads !== undefined && threads !== 'auto') requireInteger('threads', threads, 1, MAX_THREADS);
  if (!Array.isArray(backends) || backends.length === 0) {
    throw invalidSetting('backends', `must be a list of backends, got ${shown(backends)}.`);
  }
  for (const [i, backend] of backends.entries()) requireChoice(`backends[${i}]`, backend, BACKEND_CHOICES);
  const [kept, list] = [frozenCopy(spec), [...backends]]; // before anything is awaited
  const timings: BackendTiming<BackendChoice>[] = [];
  for (const backend of list) {
    try {
      const on = { backend, ...(threads !== undefined && { threads }) };
      timings.push(await timeBackend(kept, size, on, updates, options.backends ? undefined : requireGain));
    } catch (error) {
      const never = { stepMs: Number.POSITIVE_INFINITY, firstStepMs: Number.POSITIVE_INFINITY, adapter: null };
      timings.push({ backend, ...never, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return timings.sort((a, b) => a.stepMs - b.stepMs || 0);
}

function copyOfShape(shape: PassShape): PassShape {
  requireKeys('shape', shape, ['steps', 'batchSize']);
  const { steps, batchSize } = shape;
  requireInteger('shape.steps', steps, 1, 1 << 24);
  requireInteger('shape.batchSize', batchSize, 1, 1 << 24);
  return { steps, batchSize };
}

/**
 * Returns a `measure` option for `createModel`, which makes it choose the backend that trains batches of `shape`
 * fastest. The timings are in `model.backendTimings`. `createModel` throws `INVALID_SETTING` if `backend` is not
 * `auto`, the precision is not float32, or every backend fails.
 *
 * @example
 * const model = await createModel(spec, { backend: 'auto', measure: fastestBackend({ steps: 64, batchSize: 32 }) });
 */
export function fastestBackend(shape: PassShape): (spec: ModelSpec, options?: BackendOptions) => Promise<Model> {
  const size = copyOfShape(shape);
  return async (spec, options = {}) => {
    requireBackendOptions(options);
    const { backend = 'auto', precision = 'float32', threads } = options;
    if (backend !== 'auto' || precision !== 'float32') {
      throw invalidSetting('measure', 'requires backend auto and precision float32.', 'Remove it.');
    }
    requireSpec(spec);
    const kept = frozenCopy(spec); // before anything is awaited
    const timings = await measureBackends(kept, size, threads === undefined ? {} : { threads });
    const [best] = timings;
    if (best?.error !== null) {
      const errors = timings.map((timing) => `${timing.backend}: ${timing.error}`);
      throw invalidSetting('backend', ['no backend can train this model.', ...errors].join('\n'), 'Use reference.');
    }
    const kernels = await selectKernels({
      ...(threads !== undefined && { threads }),
      precision,
      backend: best.backend,
    });
    const model = new Model(kernels, kept, false, await variantsFor(kernels, kept));
    model.backendTimings = timings;
    return model;
  };
}

/** @internal Throws if a native library gains nothing: the noise in the times of updates would choose between it and wasm. */
export function requireGain({ native }: Kernels): void {
  if (!native || native.isWorthwhile) return;
  const problem = `is not faster than wasm here: with ${native.library}, large products take ${(100 / native.gain).toFixed(0)} % of the time.`;
  throw invalidSetting('backend blas', problem, 'Use wasm.');
}

/** Generated data that fits the model. The time of an update does not depend on the values. */
function generatedBatch(model: Model, { steps, batchSize }: PassShape): Batch {
  const tape = model.tape({ steps, batchSize }, { gradients: false });
  const outputs = tape.layers.at(-1)!.outputSteps * batchSize * model.outputSize;
  tape.free();
  const [first] = model.spec.layers;
  const count = steps * batchSize;
  if (first?.kind === 'embedding') {
    const tokens = (length: number, size: number) => Int32Array.from({ length }, (_, i) => i % size);
    const inputs = tokens(count, first.size);
    return { steps, batchSize, inputs, targets: tokens(outputs / model.outputSize, model.outputSize) };
  }
  const values = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  return { steps, batchSize, inputs: values(count * model.spec.inputSize!), targets: values(outputs) };
}

async function timeBackend(
  spec: ModelSpec,
  shape: PassShape,
  options: { readonly backend: BackendChoice } & Pick<BackendOptions, 'threads'>,
  updates: number,
  check?: (kernels: Kernels) => void,
): Promise<BackendTiming<BackendChoice>> {
  const begin = performance.now();
  const kernels = await selectKernels(options);
  try {
    check?.(kernels);
    const model = new Model(kernels, spec, true, await variantsFor(kernels, spec));
    const batch = generatedBatch(model, shape);
    const train = { stateful: false, length: WARM_UP + updates, batch: () => batch };
    const training = fit(model, { train }, { optimizer: adam() });
    const times: number[] = [];
    let from = begin;
    for await (const event of training) {
      if (event.kind !== 'update') continue;
      const now = performance.now();
      times.push(now - from);
      from = now;
    }
    training.dispose();
    const [firstStepMs = 0, ...rest] = times;
    const timed = rest.slice(WARM_UP - 1).sort((a, b) => a - b);
    const stepMs = timed[timed.length >> 1] ?? firstStepMs;
    const { device } = kernels as { readonly device?: { readonly adapter: string } };
    return { backend: options.backend, stepMs, firstStepMs, adapter: device?.adapter ?? null, error: null };
  } finally {
    kernels.dispose();
  }
}
