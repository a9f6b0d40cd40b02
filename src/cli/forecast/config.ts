/** Reads the settings of a forecaster's training from flags and a config file. */
import { isObject } from '../../checks.js';
import type { BackendChoice, BackendOptions, Precision } from '../../index.js';
import { readText } from '../../node/index.js';
import type { TrainForecasterOptions } from '../../tasks/index.js';
import { UsageError } from '../command.js';
import { readConfig } from '../config.js';
import { checkpointTask, taskOfRun } from '../runs/task.js';
import { dashed } from '../settings.js';
import type { BackendFlags } from '../train/backend.js';
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

const FILE_FLAGS = ['config', 'out', 'run', 'force'];
const OTHER_FLAGS = ['backend', 'threads', 'tensorboard', 'json', 'quiet'];

const givenOf = (options: object): [string, unknown][] =>
  Object.entries(options).filter(([, value]) => value !== undefined && value !== false);

/** Flags override the config file. Throws `UsageError` for a flag that a forecaster does not have. */
export async function readTableSettings(options: TableFlags): Promise<Partial<TableSettings>> {
  const given = givenOf(options);
  const known = [...Object.keys(FORECAST_CONFIG), ...FILE_FLAGS, ...OTHER_FLAGS];
  const unused = given.find(([key]) => !known.includes(key));
  if (unused) throw new UsageError(`--${dashed(unused[0])} has no effect on a forecaster.`);
  const config = options.config === undefined ? {} : await readConfig(options.config, FORECAST_CONFIG);
  const settings = { ...config, ...Object.fromEntries(given.filter(([key]) => key in FORECAST_CONFIG)) };
  if (settings.ensemble && (settings.seeds ?? 1) < 2) throw new UsageError('--ensemble needs --seeds 2 or more.');
  return settings;
}

/** Throws `UsageError` for a flag that cannot change when a training of the task is resumed. */
export function requireResumable(options: object, task: string): void {
  const fixed = givenOf(options).find(([key]) => key !== 'resume' && !OTHER_FLAGS.includes(key));
  if (fixed) throw new UsageError(`--${dashed(fixed[0])} cannot change when you resume the training of ${task}.`);
}

/** Where a training computes. */
export const placeOf = ({ backend, threads }: BackendFlags, precision: Precision | undefined): BackendOptions => ({
  ...(backend !== undefined && { backend: backend as BackendChoice }),
  ...(precision !== undefined && { precision }),
  threads: threads ?? 'auto',
});

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
