/** The folder of a study: what is searched, one line for each trial, and the results. */
import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { fileAccessError, writeFileAtomic } from '../../node/files.js';
import { appendText, readText } from '../../node/index.js';
import { exists } from '../../node/read.js';
import { isTrial, type Trial } from '../../tune/trial.js';
import { UsageError } from '../command.js';
import { encoded } from '../runs/record.js';

/** The names of the files in the folder of a study. */
export const STUDY_FILES = {
  study: 'study.json',
  /** One JSON object per line for each trial that has ended, appended by one process. */
  trials: 'trials.jsonl',
  /** The configuration of the best trial, for `unspool train --config`. */
  best: 'best.json',
  report: 'report.html',
} as const;

/** What decides the trials. A study is continued only with the same. */
export type StudyIdentity = Readonly<Record<string, unknown>>;

/** Writes `study.json`, or throws `UsageError` if the folder has a study that differs. */
export async function openStudy(folder: string, identity: StudyIdentity): Promise<void> {
  const file = join(folder, STUDY_FILES.study);
  if (!(await exists(file))) return writeFileAtomic(file, encoded({ kind: 'unspool study', version: 1, ...identity }));
  const saved = await readText(file).then(
    (text) => JSON.parse(text) as StudyIdentity,
    () => ({}) as StudyIdentity,
  );
  const different = Object.keys(identity).find((key) => JSON.stringify(saved[key]) !== JSON.stringify(identity[key]));
  if (different === undefined) return;
  throw new UsageError(
    `${folder} has another study: ${different} was ${JSON.stringify(saved[different])} and is ${JSON.stringify(identity[different])}. Choose another folder with --out.`,
  );
}

/**
 * The trials in a file, each once. A line that a killed process did not finish is removed, so that the next one is not damaged.
 * Throws `FILE_ACCESS`.
 */
export async function readTrials(folder: string): Promise<Trial[]> {
  const file = join(folder, STUDY_FILES.trials);
  const bytes = await readFile(file).catch((error) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw fileAccessError(file, 'read', error);
  });
  const whole = bytes.lastIndexOf('\n') + 1;
  if (whole < bytes.length) await truncate(file, whole);
  const trials = new Map<number, Trial>();
  for (const line of bytes.subarray(0, whole).toString('utf8').split('\n')) {
    const trial = parsed(line);
    if (isTrial(trial)) trials.set(trial.number, trial);
  }
  return [...trials.values()];
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Appends a trial. */
export const writeTrial = (folder: string, trial: Trial): Promise<void> =>
  appendText(join(folder, STUDY_FILES.trials), `${JSON.stringify(trial)}\n`);
