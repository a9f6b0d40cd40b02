/** What a training runs on: the backend that is asked for or, with `auto`, the one that trains its model fastest. */
import {
  type BackendChoice,
  type BackendOptions,
  createModel,
  type LoadedModel,
  type Model,
  type ModelSpec,
  type PassShape,
} from '../index.js';
import { loadModel } from '../node/index.js';
import type { OptionValues } from './command.js';

const backendOf = ({ threads, backend }: OptionValues): BackendOptions => ({
  threads: threads === undefined ? 'auto' : Number(threads),
  ...(backend === undefined ? {} : { backend: backend as BackendChoice }),
});

/** A new model. `shape`: of the batches that it will be trained on. */
export async function newModel(
  spec: ModelSpec,
  precision: BackendOptions['precision'],
  shape: PassShape,
  options: OptionValues,
): Promise<Model> {
  const measure =
    options.backend === 'auto' && precision === 'float32'
      ? { measure: (await import('../gpu/index.js')).measuring(shape) }
      : {};
  return createModel(spec, { precision, ...backendOf(options), ...measure });
}

/** The model of a checkpoint; with `auto` on the standard backend, until it is known that training goes on: `fastestAgain`. */
export const modelAgain = (checkpoint: string, options: OptionValues): Promise<LoadedModel> =>
  loadModel(checkpoint, backendOf(options));

/** The same model on the fastest backend, with `auto`; the one that was loaded is then no longer to be used. */
export async function fastestAgain(
  { model }: LoadedModel,
  checkpoint: string,
  shape: PassShape,
  options: OptionValues,
): Promise<Model> {
  if (options.backend !== 'auto' || model.kernels.precision !== 'float32') return model;
  const { measureBackends } = await import('../gpu/index.js');
  const { threads = 1, ...rest } = backendOf(options);
  const measured = await measureBackends(model.spec, shape, { threads });
  const { backend } = measured[0]!;
  const isThere = backend === model.kernels.name;
  if (!isThere) model.dispose();
  const again = isThere ? model : (await loadModel(checkpoint, { ...rest, threads, backend })).model;
  again.measured = measured;
  return again;
}
