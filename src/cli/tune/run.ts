/** `unspool tune`: a study from its configuration to the best settings. */
import { type ChildProcess, fork } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '../../node/files.js';
import { lockFile } from '../../node/index.js';
import { trialsOf, tune } from '../../tune/search.js';
import type { Trial } from '../../tune/trial.js';
import { UsageError } from '../command.js';
import { requireOneProcess } from '../one-process.js';
import { clock, createOutput, type Output } from '../output.js';
import { saveReport } from '../paths.js';
import { tableText } from '../report/tables.js';
import { encoded } from '../runs/record.js';
import { stopOnSignal } from '../signals.js';
import { configWith } from './config.js';
import { STUDY_JOBS, type StudyTask } from './jobs.js';
import type { TuneFlags } from './options.js';
import { identityOf, orderOf, planStudy, type Study, type StudyRun } from './plan.js';
import { TrialPool } from './pool.js';
import { importanceTable, settingsText, studyPage, trialsTable } from './report.js';
import { openStudy, readTrials, STUDY_FILES, writeTrial } from './study.js';

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

/** Runs or continues a study and returns the exit code. */
export async function runTune(args: readonly string[], flags: TuneFlags): Promise<number> {
  if (flags.distributed !== undefined) {
    const { tuneOnRanks } = await import('./ranks.js');
    return tuneOnRanks(args, flags, { runStudy, startWorker });
  }
  if (flags.rankTimeout !== undefined) throw new UsageError('--rank-timeout needs --distributed mpi.');
  requireOneProcess();
  const study = await planStudy(args, flags);
  return runStudy({ study, identity: await identityOf(study), pool: new TrialPool(startWorker) }, flags);
}

/** Starts a worker process on this machine. */
const startWorker = (): ChildProcess =>
  fork(fileURLToPath(new URL('./worker.js', import.meta.url)), {
    ...{ execArgv: [], serialization: 'advanced' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

/** Runs or continues a study with a pool of workers, which it closes at the end. Returns the exit code. */
async function runStudy(
  { study, identity, pool, stop = new AbortController() }: StudyRun,
  flags: TuneFlags,
): Promise<number> {
  const out = createOutput(flags);
  const budget = flags.budget === undefined ? null : secondsIn(flags.budget);
  const { folder, space, base, options } = study;
  const unlock = await lockFile(join(folder, STUDY_FILES.trials), { onWait: out.warn });
  const release = stopOnSignal(stop);
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
