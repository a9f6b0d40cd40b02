/** `unspool tune`: a study from its configuration to the best settings. */
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../../node/files.js';
import { lockFile } from '../../node/index.js';
import { type TuneOptions, trialsOf, tune } from '../../tune/search.js';
import type { Trial } from '../../tune/trial.js';
import { UsageError } from '../command.js';
import { clock, createOutput, type Output } from '../output.js';
import { saveReport } from '../paths.js';
import { tableText } from '../report/tables.js';
import { RUNS } from '../runs/files.js';
import { encoded } from '../runs/record.js';
import { stopOnSignal } from '../signals.js';
import { DEFAULTS, type TrainSettings } from '../train/settings.js';
import { hashOf } from '../train/start.js';
import { readTrainingText } from '../train/training-text.js';
import { configWith, readStudyConfig, type StudyConfig } from './config.js';
import type { TuneFlags } from './options.js';
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

interface Study extends StudyConfig {
  readonly folder: string;
  readonly textFile: string;
  readonly asText: boolean;
  readonly options: TuneOptions;
}

async function planStudy([configFile, text]: readonly string[], flags: TuneFlags): Promise<Study> {
  const config = await readStudyConfig(configFile!);
  const textFile = text ?? (config.base.text as string | undefined);
  if (textFile === undefined)
    throw new UsageError('missing TEXT: a UTF-8 text file, here or as "text" in the configuration.');
  const { method, seed, factor, rungs, workers = availableParallelism(), trials } = flags;
  const { out: folder = join(RUNS, `tune-${basename(configFile!).replace(/\.json$/, '')}`) } = flags;
  const options = { method, seed, factor, rungs, workers, ...(trials !== undefined && { trials }) } as TuneOptions;
  return { ...config, folder, textFile, asText: config.base.asText === true, options };
}

/** Runs or continues a study and returns the exit code. */
export async function runTune(args: readonly string[], flags: TuneFlags): Promise<number> {
  const out = createOutput(flags);
  const budget = flags.budget === undefined ? null : secondsIn(flags.budget);
  const study = await planStudy(args, flags);
  const { folder, space, base, textFile, asText, options } = study;
  const textSha256 = hashOf(await readTrainingText(textFile, { asText }));
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
    await openStudy(folder, { base, space, textSha256, method, seed, ...(method === 'asha' && { factor, rungs }) });
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

/** The settings of a training that a trial makes. */
function settingsOf(study: StudyConfig, settings: Trial['settings']): TrainSettings {
  const { text: _, asText: __, backend: ___, threads: ____, ...own } = configWith(study, settings);
  return { ...DEFAULTS, ...own };
}

function objectiveOf(study: Study, pool: TrialPool): Parameters<typeof tune>[1] {
  const { base, textFile, asText } = study;
  const machine = { backend: base.backend as string | undefined, threads: (base.threads as number | undefined) ?? 1 };
  return (settings, context) =>
    pool.run(
      { kind: 'trial', settings: settingsOf(study, settings), textFile, asText, rungs: context.rungs, ...machine },
      context,
    );
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
  const { folder, space, textFile } = study;
  if (trials.length === 0) return;
  const [importances, best] = [importanceTable(space, trials), trialsTable(space, trials, SHOWN)];
  out.print(`\n${tableText(best)}\n\n${importances.title}\n\n${tableText(importances)}`);
  await saveReport('--out', join(folder, STUDY_FILES.report), await studyPage(basename(folder), space, trials));
  const [first] = best.rows;
  const winner = trials.find(({ number }) => number === first![0])!;
  out.record({ kind: 'result', best: winner.state === 'failed' ? null : winner, importance: importances.rows });
  if (winner.state === 'failed') return out.print('\nAll trials failed.');
  const file = join(folder, STUDY_FILES.best);
  await writeFileAtomic(file, encoded({ ...configWith(study, winner.settings), text: textFile }));
  out.print(
    `\nBest: trial ${winner.number}, validation loss ${winner.value!.toFixed(4)}, ${settingsText(winner.settings)}.\n` +
      `Saved ${file} and ${STUDY_FILES.report}. To train with these settings:\n  npx unspool train --config ${file}`,
  );
}
