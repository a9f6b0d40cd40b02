/** `unspool tune`: a study from its configuration to the best settings. */
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../../node/files.js';
import { lockFile } from '../../node/index.js';
import { type TuneOptions, trialsOf, tune } from '../../tune/search.js';
import type { Trial } from '../../tune/trial.js';
import { UsageError } from '../command.js';
import { sha256, sha256OfFile } from '../hash.js';
import { hashesOf } from '../labels/read.js';
import { clock, createOutput, type Output } from '../output.js';
import { saveReport } from '../paths.js';
import { tableText } from '../report/tables.js';
import { RUNS } from '../runs/files.js';
import { encoded } from '../runs/record.js';
import { stopOnSignal } from '../signals.js';
import { DEFAULTS, type TrainSettings } from '../train/settings.js';
import { readTrainingText } from '../train/training-text.js';
import { configWith, readStudyConfig, type StudyConfig } from './config.js';
import { STUDY_JOBS, type StudyTask } from './jobs.js';
import type { TuneFlags } from './options.js';
import { TrialPool } from './pool.js';
import { importanceTable, settingsText, studyPage, trialsTable } from './report.js';
import { openStudy, readTrials, STUDY_FILES, writeTrial } from './study.js';
import { readStudyData, type TaskStudy } from './task-trial.js';
import type { TrialOrder } from './worker.js';

/** Trials in the table of the terminal. */
const SHOWN = 10;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Seconds of a budget such as `90s`, `20m` or `1.5h`. Throws `UsageError`. */
export function secondsIn(budget: string): number {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(budget) ?? [];
  if (count === undefined || Number(count) === 0) {
    throw new UsageError(`--budget must be a time such as 90s, 20m or 1.5h, got "${budget}".`);
  }
  return Number(count) * UNITS[unit!]!;
}

interface Study extends StudyConfig {
  readonly folder: string;
  readonly file: string;
  /** Null for a language model. */
  readonly taskStudy: TaskStudy | null;
  readonly options: TuneOptions;
}

async function planStudy([configFile, argument]: readonly string[], flags: TuneFlags): Promise<Study> {
  const config = await readStudyConfig(configFile!);
  const { task, base } = config;
  const { key, what } = STUDY_JOBS[task].file;
  const file = argument ?? (base[key] as string | undefined);
  if (file === undefined) throw new UsageError(`missing ${what}, here or as "${key}" in the configuration.`);
  const { method, seed, factor, rungs, workers = availableParallelism(), trials } = flags;
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
async function identityOf({ task, base, file, taskStudy }: Study): Promise<Readonly<Record<string, unknown>>> {
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

/** Runs or continues a study and returns the exit code. */
export async function runTune(args: readonly string[], flags: TuneFlags): Promise<number> {
  const out = createOutput(flags);
  const budget = flags.budget === undefined ? null : secondsIn(flags.budget);
  const study = await planStudy(args, flags);
  const { folder, space, base, options } = study;
  const identity = await identityOf(study);
  const unlock = await lockFile(join(folder, STUDY_FILES.trials), { onWait: out.warn });
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  const pool = new TrialPool();
  let isOver = false;
  const end = (): void => {
    isOver = true;
    stop.abort();
  };
  const timer = budget === null ? null : setTimeout(end, budget * 1000);
  try {
    const { method, seed, factor, rungs } = options;
    await openStudy(folder, {
      ...{ base, space, ...identity, method, seed },
      ...(method === 'asha' && { factor, rungs }),
    });
    const done = await readTrials(folder);
    const planned = trialsOf(space, options).length;
    printStart(out, study, planned, done.length);
    let count = done.length;
    const onTrial = async (trial: Trial): Promise<void> => {
      await writeTrial(folder, trial);
      printTrial(out, trial, ++count, planned);
    };
    const { trials } = await tune(space, objectiveOf(study, pool), { ...options, done, onTrial, signal: stop.signal });
    await report(out, study, trials);
    if (trials.length >= planned) return trials.some(({ state }) => state !== 'failed') ? 0 : 1;
    const why = isOver ? 'The budget ended' : 'Interrupted';
    out.print(`${why} after ${trials.length} of ${planned} trials. Run the same command to continue.`);
    return isOver ? 0 : 1;
  } finally {
    if (timer) clearTimeout(timer);
    pool.close();
    release();
    await unlock();
  }
}

/** What a worker computes for a trial. */
function orderOf(study: Study, settings: Trial['settings']): TrialOrder {
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

function objectiveOf(study: Study, pool: TrialPool): Parameters<typeof tune>[1] {
  return (settings, context) => pool.run({ kind: 'trial', rungs: context.rungs, ...orderOf(study, settings) }, context);
}

function printStart(out: Output, { folder, space, options }: Study, planned: number, done: number): void {
  const { method, workers } = options;
  out.record({ kind: 'start', folder, space, ...options, trials: planned, done });
  const continued = done > 0 ? ` Continuing after ${done}.` : '';
  out.print(`${planned} trials (${method}) of ${Object.keys(space).join(', ')}, ${workers} at a time.${continued}`);
}

function printTrial(out: Output, trial: Trial, count: number, planned: number): void {
  out.record({ kind: 'trial', ...trial });
  const { number, state, value, settings, seconds, error } = trial;
  const result = value === null ? error : `${value.toFixed(4)} (${state})`;
  out.print(`${count}/${planned}  trial ${number}: ${result}  ${settingsText(settings)}  ${clock(seconds)}`);
}

/** Prints and saves what the trials so far show. */
async function report(out: Output, study: Study, trials: readonly Trial[]): Promise<void> {
  const { folder, space, file: data, task } = study;
  const { measure, file: dataSetting } = STUDY_JOBS[task];
  if (trials.length === 0) return;
  const [importances, best] = [importanceTable(space, trials), trialsTable(space, trials, { measure, most: SHOWN })];
  out.print(`\n${tableText(best)}\n\n${importances.title}\n\n${tableText(importances)}`);
  await saveReport(
    '--out',
    join(folder, STUDY_FILES.report),
    await studyPage(basename(folder), space, trials, { measure }),
  );
  const [first] = best.rows;
  const winner = trials.find(({ number }) => number === first![0])!;
  out.record({ kind: 'result', best: winner.state === 'failed' ? null : winner, importance: importances.rows });
  if (winner.state === 'failed') return out.print('\nAll trials failed.');
  const file = join(folder, STUDY_FILES.best);
  await writeFileAtomic(
    file,
    encoded({ ...configWith(study, winner.settings), ...taskOf(task), [dataSetting.key]: data }),
  );
  out.print(
    `\nBest: trial ${winner.number}, ${valueText(study)} ${winner.value!.toFixed(4)}, ${settingsText(winner.settings)}.\n` +
      `Saved ${file} and ${STUDY_FILES.report}. To train with these settings:\n  npx unspool train --config ${file}`,
  );
}

/** What the configuration of a training says about its task. */
const taskOf = (task: StudyTask): object => (task === 'language-model' ? {} : { task });

/** What the value of a trial is, in a sentence. */
function valueText({ task, taskStudy }: Study): string {
  const { folds } = taskStudy ?? { folds: 1 };
  if (task === 'forecasting') return `mean absolute error of ${folds} origin${folds === 1 ? '' : 's'}`;
  return folds > 1 ? `mean loss of ${folds} folds` : 'validation loss';
}
