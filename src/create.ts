/** Makes a model on a backend from a spec, or from the bytes of a file. */
import type { Kernels } from './contract/kernels.js';
import { variantsFor } from './core/build.js';
import { Model } from './core/model.js';
import type { PassShape } from './core/pass.js';
import { type ModelSpec, requireSpec } from './core/spec.js';
import { type ModelFile, parseModel } from './interop/model-file.js';
import { type BackendOptions, selectKernels } from './kernels/select.js';
import { estimateMemoryOn, type MemoryEstimate, type MemoryOptions } from './train/estimate-memory.js';

/** Chooses a backend for a model by measuring: `fastestBackend(shape)` of unspool/gpu makes one. */
export type Measure = (spec: ModelSpec, options: BackendOptions) => Promise<Model>;

/** Options of `createModel`. */
export interface CreateOptions extends BackendOptions {
  /**
   * A backend from `selectKernels` that several models share, so that one can read what another has computed.
   * `model.dispose()` then leaves it running. Default: the model gets a separate backend.
   */
  readonly kernels?: Kernels;
  /**
   * With backend `auto`: `fastestBackend(shape)` of unspool/gpu trains the model for a few updates on every available
   * backend and uses the fastest; `model.backendTimings` has the times. Default: `auto` does not measure.
   */
  readonly measure?: Measure;
  /**
   * Whether `model.tape(shape, {lengths: true})` is called. Default false. Passes over a batch with `lengths` do not need it.
   */
  readonly lengths?: boolean;
}

/**
 * Builds a model and draws its parameters from `spec.seed`. Throws `INVALID_SETTING` with the path of the setting.
 *
 * @example
 * const model = await createModel({
 *   inputSize: 3,
 *   layers: [{ kind: 'lstm', hiddenSize: 16 }, { kind: 'linear', size: 1 }],
 * });
 */
export async function createModel(spec: ModelSpec, options: CreateOptions = {}): Promise<Model> {
  requireSpec(spec);
  const { kernels, measure, lengths = false, ...backend } = options;
  if (measure && !kernels) {
    const model = await measure(spec, backend);
    if (lengths) await model.prepare({ lengths: [] });
    return model;
  }
  const variants = await variantsFor(spec, lengths);
  const on = kernels ?? (await selectKernels(backend));
  try {
    return new Model(on, spec, !!kernels, variants);
  } catch (error) {
    if (!kernels) on.dispose();
    throw error;
  }
}

/**
 * The memory in bytes that a training (with `gradients: false`: a prediction) takes, before anything is allocated. Throws
 * `INVALID_SETTING` for a spec or backend that cannot work.
 *
 * @example
 * const { total, tape } = await estimateMemory(spec, { steps: 64, batchSize: 32 }, { optimizer: adam() });
 */
export async function estimateMemory(
  spec: ModelSpec,
  shape: PassShape,
  options: MemoryOptions & BackendOptions = {},
): Promise<MemoryEstimate> {
  const kernels = await selectKernels(options);
  try {
    return await estimateMemoryOn(kernels, spec, shape, options);
  } finally {
    kernels.dispose();
  }
}

/** The content of a model file, and the model. */
export interface LoadedModel extends ModelFile {
  readonly model: Model;
}

/**
 * Makes the model that `serializeModel` wrote. The default precision is the file's. Throws `INVALID_FILE`; `file` is the
 * name used in messages.
 */
export async function deserializeModel(
  bytes: Uint8Array,
  options: BackendOptions = {},
  file?: string,
): Promise<LoadedModel> {
  const content = parseModel(bytes, file);
  const model = await createModel(content.spec, { precision: content.precision, ...options });
  for (const [name, values] of content.parameters) model.parameters.set(name, values);
  return { ...content, model };
}
