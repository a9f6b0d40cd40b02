/** Reads the settings of a forecaster's training from flags and a config file. */
import { isObject } from '../../checks.js';
import { readText } from '../../node/index.js';
import type { TrainForecasterOptions } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { checkpointTask, taskOfRun } from '../runs/task.js';
import { type BackendFlags, placeOf } from '../train/backend.js';
import { taskSettings } from '../train/task-flags.js';
import { FORECAST_CONFIG, type TableSettings } from './settings.js';

/** The options of the command that this job reads. */
export interface TableFlags extends BackendFlags {
  readonly task: string | undefined;
  readonly target: string | undefined;
  readonly config: string | undefined;
  readonly resume: string | undefined;
}

/** What the metadata of a forecaster's checkpoint have as `task`. */
export const CHECKPOINT_TASK = checkpointTask('forecasting');

/** Whether the options or the config file say that a forecaster is to be trained. */
export async function isForecasting({ task, target, config, resume }: TableFlags): Promise<boolean> {
  if (resume !== undefined) return (await taskOfRun(resume)) === 'forecasting';
  if (task !== undefined) return task === 'forecasting';
  if (target !== undefined) return true;
  if (config === undefined) return false;
  try {
    const values: unknown = JSON.parse(await readText(config));
    return isObject(values) && values.task === 'forecasting';
  } catch {
    return false; // the language model reports what is wrong with the file
  }
}

/** Flags override the config file. Throws `UsageError` for a flag that a forecaster does not have. */
export async function readTableSettings(options: TableFlags): Promise<Partial<TableSettings>> {
  const settings = await taskSettings(options, FORECAST_CONFIG, 'a forecaster');
  if (settings.ensemble && (settings.seeds ?? 1) < 2) throw new UsageError('--ensemble needs --seeds 2 or more.');
  return settings;
}

/** The options of `trainForecaster`. */
export function trainingOf(settings: Partial<TableSettings>, options: BackendFlags): TrainForecasterOptions {
  const { hiddenSize, layers, dropout, epochs, lr, patience, precision, bidirectional } = settings;
  const { seed = 1, seeds = 1 } = settings;
  const given = { hiddenSize, layers, dropout, epochs, learningRate: lr, bidirectional };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(patience !== undefined && patience > 0 && { patience }),
    seeds: Array.from({ length: seeds }, (_, i) => seed + i),
    backend: placeOf(options, precision),
  };
}
