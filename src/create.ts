/** Makes a model on a backend from a spec, or from the bytes of a file. */
import { isObject, requireFunction, requireOptional, shown } from './checks.js';
import type { Kernels } from './contract/kernels.js';
import { variantsFor } from './core/build.js';
import { frozenCopy } from './core/copies.js';
import { Model } from './core/model.js';
import type { PassShape } from './core/pass.js';
import { isSimpleSpec, type ModelSpec } from './core/spec.js';
import { invalidSetting } from './errors.js';
import { type ModelFile, parseModel } from './interop/model-file.js';
import { type BackendOptions, requireBackendOptions, selectKernels, startKernels } from './kernels/select.js';
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
   * Whether `model.tape(shape, {lengths: true})` is called, or `measure` of such a tape with the CTC loss. Default false. Passes
   * over a batch with `lengths` or CTC do not need it.
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
  const kept = frozenCopy(spec); // before anything is awaited
  requireBackendOptions(options, ['kernels', 'measure', 'lengths']);
  const { kernels, measure, lengths = false, ...backend } = options;
  requireOptional('lengths', lengths, 'boolean');
  if (measure !== undefined) requireFunction('measure', measure);
  if (kernels !== undefined) requireKernels(kernels);
  await requireAnySpec(kept);
  if (measure && !kernels) {
    const model = await measure(kept, backend);
    if (lengths) await model.prepare({ lengths: [] });
    return model;
  }
  const on = kernels ?? (await startKernels(backend));
  try {
    return new Model(on, kept, !!kernels, await variantsFor(on, kept, lengths));
  } catch (error) {
    if (!kernels) on.dispose();
    throw error;
  }
}

/** As `requireSpec`, whose code is loaded only for specs that need it. */
async function requireAnySpec(spec: unknown): Promise<void> {
  if (isSimpleSpec(spec)) return;
  const { requireSpec }: { requireSpec: (spec: unknown) => void } = await import('./core/spec-check.js');
  requireSpec(spec);
}

function requireKernels(kernels: unknown): void {
  if (isObject(kernels) && typeof kernels.alloc === 'function' && typeof kernels.gemm === 'function') return;
  throw invalidSetting(
    'kernels',
    `must be a backend, got ${shown(kernels)}.`,
    'Pass what selectKernels() resolves to.',
  );
}

const MEMORY_KEYS = [
  ...['gradients', 'inputGradient', 'lengths', 'kernels'],
  ...['loss', 'weights', 'limit', 'optimizer', 'average', 'earlyStopping'],
];

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
  requireBackendOptions(options, MEMORY_KEYS);
  const kept = [frozenCopy(spec), frozenCopy(shape), frozenCopy(options)] as const; // before anything is awaited
  const { backend, precision, threads } = options;
  const kernels = await selectKernels({
    ...(backend !== undefined && { backend }),
    ...(precision !== undefined && { precision }),
    ...(threads !== undefined && { threads }),
  });
  try {
    return await estimateMemoryOn(kernels, ...kept);
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
  requireBackendOptions(options);
  const content = parseModel(bytes, file);
  const model = await createModel(content.spec, { precision: content.precision, ...options });
  for (const [name, values] of content.parameters) model.parameters.set(name, values);
  return { ...content, model };
}
