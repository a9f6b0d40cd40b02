/** Which backend trains a model fastest, measured. */

import { variantsFor } from '../core/build.js';
import type { BackendTiming } from '../core/measured.js';
import { type Batch, Model } from '../core/model.js';
import type { PassShape } from '../core/pass.js';
import type { ModelSpec } from '../core/spec.js';
import { invalidSetting } from '../errors.js';
import { type BackendChoice, type BackendOptions, selectKernels } from '../kernels/select.js';
import { adam } from '../optim/adam.js';
import { fit } from '../train/trainer.js';

/** What is tried. gpu.js's `webasm` and `cpu` are slower than ours everywhere, and are tried where asked for. */
const TRIED: readonly BackendChoice[] = ['wasm', 'gpu:webgpu', 'gpu:webgl2'];

/** Steps that are not counted: the first ones compile kernels, and then plans of them. */
const WARMING = 4;

export interface MeasureOptions extends Pick<BackendOptions, 'threads'> {
  /** Default: `wasm`, `gpu:webgpu` and `gpu:webgl2`. */
  readonly backends?: readonly BackendChoice[];
  /** Steps that are counted. Default 5. */
  readonly steps?: number;
}

/**
 * Trains the model of `spec` for a few steps of `shape`, with some data and Adam, on each backend; fastest first, and those
 * that cannot, with the reason, last. It takes some ten steps of each, and loads gpu.js: ask once, and keep what it says.
 *
 * @example
 * const [fastest] = await measureBackends(spec, { steps: 64, batchSize: 32 });
 * const model = await createModel(spec, { backend: fastest.backend });
 */
export async function measureBackends(
  spec: ModelSpec,
  shape: PassShape,
  { backends = TRIED, steps = 5, ...options }: MeasureOptions = {},
): Promise<BackendTiming<BackendChoice>[]> {
  const found: BackendTiming<BackendChoice>[] = [];
  for (const backend of backends) {
    try {
      found.push(await measured(spec, shape, { backend, ...options }, steps));
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      const never = Number.POSITIVE_INFINITY;
      found.push({ backend, stepMs: never, firstStepMs: never, adapter: null, problem });
    }
  }
  return found.sort((a, b) => a.stepMs - b.stepMs || 0);
}

/**
 * For `createModel`: the backend that trains batches of `shape` fastest, measured. Throws `INVALID_SETTING` where another backend
 * than `auto` is asked for, or none can.
 *
 * @example
 * const model = await createModel(spec, { backend: 'auto', measure: measuring({ steps: 64, batchSize: 32 }) });
 */
export const measuring =
  (shape: PassShape) =>
  async (spec: ModelSpec, options: BackendOptions): Promise<Model> => {
    const { backend = 'auto', precision = 'float32', threads } = options;
    if (backend !== 'auto' || precision !== 'float32') {
      throw invalidSetting(
        'measure',
        'backends are measured where the choice is left to auto, in float32.',
        'Leave it out.',
      );
    }
    const found = await measureBackends(spec, shape, threads === undefined ? {} : { threads });
    const [best] = found;
    if (best?.problem !== null) {
      throw invalidSetting('backend', found.map((one) => `${one.backend}: ${one.problem}`).join(' '), 'Use reference.');
    }
    const kernels = await selectKernels({ ...options, backend: best.backend });
    const model = new Model(kernels, spec, false, await variantsFor(spec));
    model.measured = found;
    return model;
  };

/** Some numbers that fit the model: how long a step takes does not depend on them. */
function someBatch(model: Model, { steps, batchSize }: PassShape): Batch {
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

async function measured(
  spec: ModelSpec,
  shape: PassShape,
  options: { readonly backend: BackendChoice } & Pick<BackendOptions, 'threads'>,
  steps: number,
): Promise<BackendTiming<BackendChoice>> {
  const begin = performance.now();
  const kernels = await selectKernels(options);
  try {
    const model = new Model(kernels, spec, true, await variantsFor(spec));
    const batch = someBatch(model, shape);
    const train = { stateful: false, length: WARMING + steps, batch: () => batch };
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
    const [first = 0, ...rest] = times;
    const counted = rest.slice(WARMING - 1).sort((a, b) => a - b);
    const { device } = kernels as { readonly device?: { readonly adapter: string } };
    const step = counted[counted.length >> 1] ?? first;
    return {
      backend: options.backend,
      stepMs: step,
      firstStepMs: first,
      adapter: device?.adapter ?? null,
      problem: null,
    };
  } finally {
    kernels.dispose();
  }
}
