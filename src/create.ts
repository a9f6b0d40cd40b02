/** From a description, or from a file's bytes, to a model on a backend. */
import type { Kernels } from './contract/kernels.js';
import type { PassShape } from './core/layers/layer.js';
import { loadForms } from './core/lstm/forms.js';
import { isPlain } from './core/lstm/spec.js';
import { Model } from './core/model.js';
import { type ModelSpec, requireSpec } from './core/spec.js';
import { type ModelFile, parseModel } from './interop/model-file.js';
import { type BackendOptions, selectKernels } from './kernels/select.js';
import { estimateMemoryOn, type MemoryEstimate, type MemoryOptions } from './train/estimate-memory.js';

/** Makes a model on a backend that it finds. */
export type Measure = (spec: ModelSpec, options: BackendOptions) => Promise<Model>;

/**
 * Builds a model and draws its parameters from `spec.seed`. Throws `INVALID_SETTING`, with the path of what is wrong.
 *
 * @example
 * const model = await createModel({
 *   inputSize: 3,
 *   layers: [{ kind: 'lstm', hiddenSize: 16 }, { kind: 'linear', size: 1 }],
 * });
 */
export async function createModel(
  spec: ModelSpec,
  options: BackendOptions & {
    /**
     * A backend that several models share, from `selectKernels`, so that one can read what another computed. The model's
     * `dispose()` then leaves it running. Default: one of its own.
     */
    readonly kernels?: Kernels;
    /**
     * With backend `auto`: `measuring(shape)` of unspool/gpu, which trains the model for some steps on every backend that there is
     * here, the GPU's among them, and keeps the fastest; `model.measured` tells of all. Default: `auto` measures nothing.
     */
    readonly measure?: Measure;
  } = {},
): Promise<Model> {
  requireSpec(spec);
  if (spec.layers.some((layer) => layer.kind === 'lstm' && !isPlain(layer))) await loadForms();
  const { kernels, measure, ...backend } = options;
  if (measure && !kernels) return measure(spec, backend);
  const on = kernels ?? (await selectKernels(backend));
  try {
    return new Model(on, spec, !!kernels);
  } catch (error) {
    if (!kernels) on.dispose(); // it cannot hold the model
    throw error;
  }
}

/**
 * What a training (or, with `gradients: false`, a prediction) takes of a backend's memory, before anything is allocated.
 * Throws `INVALID_SETTING` where the spec or the backend cannot work.
 *
 * @example
 * const { total, tape } = await memoryNeed(spec, { steps: 64, batchSize: 32 }, { optimizer: adam() });
 */
export async function estimateMemory(
  spec: ModelSpec,
  shape: PassShape,
  options: MemoryOptions & BackendOptions = {},
): Promise<MemoryEstimate> {
  await loadForms();
  const kernels = await selectKernels(options);
  try {
    return await estimateMemoryOn(kernels, spec, shape, options);
  } finally {
    kernels.dispose();
  }
}

/** A model file's content with its model, ready to use. */
export interface LoadedModel extends ModelFile {
  readonly model: Model;
}

/**
 * Reads what `serializeModel` wrote. The precision is the file's unless one is asked for.
 * Throws `INVALID_FILE`; `file` is the name used in messages.
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
