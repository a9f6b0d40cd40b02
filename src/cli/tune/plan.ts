/** What `unspool tune` searches: the study, what identifies its data, and what a worker computes for each trial. */
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import type { TuneOptions } from '../../tune/search.js';
import type { Trial } from '../../tune/trial.js';
import { UsageError } from '../command.js';
import { sha256, sha256OfFile } from '../hash.js';
import { hashesOf } from '../labels/read.js';
import { RUNS } from '../runs/files.js';
import { DEFAULTS, type TrainSettings } from '../train/settings.js';
import { readTrainingText } from '../train/training-text.js';
import { configWith, readStudyConfig, type StudyConfig } from './config.js';
import { STUDY_JOBS } from './jobs.js';
import type { TuneFlags } from './options.js';
import type { TrialPool } from './pool.js';
import { readStudyData, type TaskStudy } from './task-trial.js';
import type { TrialOrder } from './worker.js';

/** A study of the command line. */
export interface Study extends StudyConfig {
  readonly folder: string;
  readonly file: string;
  /** Null for a language model. */
  readonly taskStudy: TaskStudy | null;
  readonly options: TuneOptions;
}

/** A study, and what identifies its data (`identityOf`). */
export interface StudyPlan {
  readonly study: Study;
  readonly identity: Readonly<Record<string, unknown>>;
}

/** What a study runs with. */
export interface StudyRun extends StudyPlan {
  readonly pool: TrialPool;
  /** Ends the search. */
  readonly stop?: AbortController;
}

/** The study that a command line describes. */
export async function planStudy([configFile, argument]: readonly string[], flags: TuneFlags): Promise<Study> {
  const config = await readStudyConfig(configFile!);
  const { task, base } = config;
  const { key, what } = STUDY_JOBS[task].file;
  const file = argument ?? (base[key] as string | undefined);
  if (file === undefined) throw new UsageError(`missing ${what}, here or as "${key}" in the configuration.`);
  const { method, seed, factor, rungs, trials } = flags;
  const workers = flags.workers ?? (flags.distributed === undefined ? availableParallelism() : 1);
  const { out: folder = join(RUNS, `tune-${basename(configFile!).replace(/\.json$/, '')}`) } = flags;
  const options = { method, seed, factor, rungs, workers, ...(trials !== undefined && { trials }) } as TuneOptions;
  return { ...config, folder, file, taskStudy: taskStudyOf(config, file, flags), options };
}

/** Folds of a trial, unless the options say otherwise. */
const DEFAULT_ORIGINS = 3;

function taskStudyOf({ task, base }: StudyConfig, file: string, { folds, origins }: TuneFlags): TaskStudy | null {
  const isForecasting = task === 'forecasting';
  if (folds !== undefined && (isForecasting || task === 'language-model')) {
    throw new UsageError('--folds is for classifiers and taggers; forecasters have --origins.');
  }
  if (origins !== undefined && !isForecasting) throw new UsageError('--origins is for forecasters.');
  if (task === 'language-model') return null;
  if (isForecasting && !(Number.isInteger(base.test) && (base.test as number) > 0)) {
    throw new UsageError(
      'the configuration needs "test", a number of rows: no trial reads these rows at the end, and each origin is tested on so many rows before.',
    );
  }
  if (!isForecasting && (folds ?? 1) === 1 && base.validation === 0) {
    throw new UsageError('"validation" must be more than 0: trials are compared by their validation loss.');
  }
  return { task, file, base, folds: (isForecasting ? origins : folds) ?? (isForecasting ? DEFAULT_ORIGINS : 1) };
}

/** What decides the trials in addition to the search: the data and its folds. Reads the data, so that it is checked first. */
export async function identityOf({ task, base, file, taskStudy }: Study): Promise<Readonly<Record<string, unknown>>> {
  if (taskStudy === null) {
    return { textSha256: sha256(await readTrainingText(file, { asText: base.asText === true })) };
  }
  const { folds } = taskStudy;
  const read = await readStudyData(taskStudy);
  if (read.task === 'forecasting') return { task, folds, data: [await sha256OfFile(file)] };
  if (folds > 1 && typeof read.source === 'string') {
    throw new UsageError('--folds is for samples in a table or a folder; a plain text has one validation part.');
  }
  return { task, folds, data: (await hashesOf(file, read)).map(({ sha256 }) => sha256) };
}

/** What a worker computes for a trial. */
export function orderOf(study: Study, settings: Trial['settings']): TrialOrder {
  const { base, file, taskStudy } = study;
  const own = configWith(study, settings);
  if (taskStudy) return { job: 'task', study: taskStudy, settings: own, backend: undefined, threads: 1 };
  const { text: _, asText: __, backend: ___, threads: ____, ...given } = own;
  return {
    ...{ job: 'text', settings: { ...DEFAULTS, ...given } as TrainSettings, textFile: file },
    asText: base.asText === true,
    backend: base.backend as string | undefined,
    threads: (base.threads as number | undefined) ?? 1,
  };
}
