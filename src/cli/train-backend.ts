/** What a training runs on: the backend that is asked for or, with `auto`, the one that trains its model fastest. */
import {
  type BackendChoice,
  type BackendOptions,
  createModel,
  type Facts,
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
  const measure = options.backend === 'auto' ? { measure: (await import('../gpu/index.js')).measuring(shape) } : {};
  return createModel(spec, { precision, ...backendOf(options), ...measure });
}

/** The model of a checkpoint. `shapeOf`: of its batches, from the file's facts. */
export async function modelAgain(
  checkpoint: string,
  shapeOf: (facts: Facts) => PassShape,
  options: OptionValues,
): Promise<LoadedModel> {
  const backend = backendOf(options);
  const loaded = await loadModel(checkpoint, backend);
  const { model, facts, training } = loaded;
  if (options.backend !== 'auto' || !training) return loaded;
  const chosen = await newModel(model.spec, model.kernels.precision, shapeOf(facts), options);
  chosen.dispose();
  const fastest = chosen.measured![0]!.backend;
  const isThere = fastest === model.kernels.name;
  if (!isThere) model.dispose();
  const again = isThere ? loaded : await loadModel(checkpoint, { ...backend, backend: fastest as BackendChoice });
  again.model.measured = chosen.measured;
  return again;
}
