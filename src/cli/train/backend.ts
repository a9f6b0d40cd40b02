/** The backend of a training: the requested one or, with `auto`, the fastest one for its model. */
import {
  type BackendChoice,
  type BackendOptions,
  createModel,
  type LoadedModel,
  type Model,
  type ModelSpec,
  type PassShape,
  type Precision,
} from '../../index.js';
import { loadModel } from '../../node/index.js';

export interface BackendFlags {
  readonly backend: string | undefined;
  readonly threads: number | undefined;
}

export const backendOf = ({ threads, backend }: BackendFlags): BackendOptions => ({
  threads: threads ?? 'auto',
  ...(backend !== undefined && { backend: backend as BackendChoice }),
});

/** Where a training of a forecaster, a classifier or a tagger computes. */
export const placeOf = (flags: BackendFlags, precision: Precision | undefined): BackendOptions => ({
  ...backendOf(flags),
  ...(precision !== undefined && { precision }),
});

/** Creates a model to be trained on batches of the given shape. */
export async function newModel(
  spec: ModelSpec,
  precision: BackendOptions['precision'],
  shape: PassShape,
  flags: BackendFlags,
): Promise<Model> {
  const measure =
    flags.backend === 'auto' && precision === 'float32'
      ? { measure: (await import('../../gpu/index.js')).fastestBackend(shape) }
      : {};
  return createModel(spec, { precision, ...backendOf(flags), ...measure });
}

/** Loads the model of a checkpoint. With `auto`, it is on the default backend until `moveToFastest`. */
export const loadCheckpoint = (checkpoint: string, flags: BackendFlags): Promise<LoadedModel> =>
  loadModel(checkpoint, backendOf(flags));

/** With `auto`, the model on its fastest backend; do not use the loaded one afterwards. Otherwise the loaded model. */
export async function moveToFastest(
  { model }: LoadedModel,
  checkpoint: string,
  shape: PassShape,
  flags: BackendFlags,
): Promise<Model> {
  if (flags.backend !== 'auto' || model.kernels.precision !== 'float32') return model;
  const { measureBackends } = await import('../../gpu/index.js');
  const { threads = 1 } = backendOf(flags);
  const timings = await measureBackends(model.spec, shape, { threads });
  const { backend } = timings[0]!;
  if (backend === model.kernels.name) {
    model.backendTimings = timings;
    return model;
  }
  model.dispose();
  const { model: moved } = await loadModel(checkpoint, { threads, backend });
  moved.backendTimings = timings;
  return moved;
}
