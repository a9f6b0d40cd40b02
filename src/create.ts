/** From a description, or from a file's bytes, to a model on a backend. */
import type { Kernels } from './core/kernels.js';
import type { PassShape } from './core/layer.js';
import { loadForms } from './core/lstm/forms.js';
import { isPlain } from './core/lstm/spec.js';
import { type MemoryNeed, type MemoryOptions, measureMemory } from './core/memory.js';
import { Model } from './core/model.js';
import { type ModelSpec, requireSpec } from './core/spec.js';
import { UnspoolError } from './errors.js';
import { type ModelFile, parseModel } from './interop/model-file.js';
import { type BackendOptions, selectKernels } from './kernels/select.js';

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
     * With backend `auto`: what a batch will be like. Every backend that there is here, the GPU's among them, then trains the
     * model for some steps, and the fastest is kept; `model.measured` tells of all. Default: `auto` measures nothing.
     */
    readonly measure?: PassShape;
  } = {},
): Promise<Model> {
  requireSpec(spec);
  if (spec.layers.some((layer) => layer.kind === 'lstm' && !isPlain(layer))) await loadForms();
  const { kernels, measure, ...backend } = options;
  if (kernels) return new Model(kernels, spec, true);
  if (!measure) return new Model(await selectKernels(backend), spec);
  return fastestModel(spec, measure, backend);
}

async function fastestModel(spec: ModelSpec, shape: PassShape, options: BackendOptions): Promise<Model> {
  if ((options.backend ?? 'auto') !== 'auto' || options.precision === 'float64') {
    const problem = 'backends are measured where the choice is left to auto, in float32.';
    throw new UnspoolError({ code: 'INVALID_SETTING', path: 'measure', problem, help: 'Leave it out.' });
  }
  const { measureBackends, requireFastest } = await import('./fastest.js');
  const { threads } = options;
  const found = await measureBackends(spec, shape, threads === undefined ? {} : { threads });
  const model = new Model(await selectKernels({ ...options, backend: requireFastest(found) }), spec);
  model.measured = found;
  return model;
}

/**
 * What a training (or, with `gradients: false`, a prediction) takes of a backend's memory, before anything is allocated.
 * Throws `INVALID_SETTING` where the spec or the backend cannot work.
 *
 * @example
 * const { total, tape } = await memoryNeed(spec, { steps: 64, rows: 32 }, { optimizer: adam() });
 */
export async function memoryNeed(
  spec: ModelSpec,
  shape: PassShape,
  options: MemoryOptions & BackendOptions = {},
): Promise<MemoryNeed> {
  await loadForms();
  const kernels = await selectKernels(options);
  try {
    return await measureMemory(kernels, spec, shape, options);
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
