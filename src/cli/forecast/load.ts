/** Loads the forecaster in a model file. */
import { basename, dirname, join } from 'node:path';
import { type LoadedModel, UnspoolError } from '../../index.js';
import { loadModel } from '../../node/index.js';
import { type Forecaster, forecasterFrom } from '../../tasks/index.js';

/** A forecaster, and the table that it was trained on. */
export interface LoadedForecaster {
  readonly forecaster: Forecaster;
  /** The file of that table; null if the model file does not say. */
  readonly table: string | null;
  readonly decimal: string | undefined;
}

/** Throws `FILE_ACCESS`, and `INVALID_FILE` for a model that is not a forecaster. */
export const loadForecaster = async (file: string): Promise<LoadedForecaster> =>
  forecasterIn(file, await loadModel(file));

/** The forecaster in a model file. Throws `INVALID_FILE` for a model that is not one. */
export async function forecasterIn(file: string, { model, metadata }: LoadedModel): Promise<LoadedForecaster> {
  if (metadata.task !== 'forecasting') {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file,
      problem: 'this model is not a forecaster.',
      help: 'Train one with unspool train FILE.csv --target COLUMN.',
    });
  }
  const { table, decimal, ensemble = [] } = metadata;
  const isList =
    Array.isArray(ensemble) && ensemble.every((name) => typeof name === 'string' && basename(name) === name);
  if (!isList) {
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem: 'ensemble must be a list of names of model files.' });
  }
  const others = await Promise.all(ensemble.map((name) => loadModel(join(dirname(file), name as string))));
  return {
    forecaster: forecasterFrom([model, ...others.map((other) => other.model)], metadata),
    table: typeof table === 'string' ? table : null,
    decimal: typeof decimal === 'string' ? decimal : undefined,
  };
}
