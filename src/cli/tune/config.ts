/** The configuration of a study: that of a training in which some values are ranges or lists of choices. */
import { isPlainObject } from '../../checks.js';
import { invalidSetting } from '../../errors.js';
import { type Choices, isSearched, type NumberRange, type SearchSpace, type TrialSettings } from '../../tune/space.js';
import { UsageError } from '../command.js';
import { readJsonObject, requireKnownKeys, requireValues } from '../config.js';
import { problemWith } from '../settings.js';
import { DEFAULTS } from '../train/settings.js';
import { STUDY_JOBS, type StudyJob, type StudyTask, studyTaskOf } from './jobs.js';

type Values = Readonly<Record<string, unknown>>;

/** What is searched, and what all trials share. */
export interface StudyConfig {
  /** What is trained. */
  readonly task: StudyTask;
  readonly base: Values;
  readonly space: SearchSpace;
}

/** Takes the ranges and choices out of an object, also those in objects in it. */
function split(values: Values, path: string, space: Record<string, NumberRange | Choices>): Values {
  const base: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const name = path === '' ? key : `${path}.${key}`;
    if (isSearched(value)) space[name] = value;
    else base[key] = isPlainObject(value) ? split(value, name, space) : value;
  }
  return base;
}

/** A copy of the base with the settings of a trial. */
export function configWith({ base }: Pick<StudyConfig, 'base'>, settings: TrialSettings): Values {
  const config = structuredClone(base) as Record<string, unknown>;
  for (const [name, value] of Object.entries(settings)) {
    const path = name.split('.');
    let at = config;
    for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>;
    at[path.at(-1)!] = value;
  }
  return config;
}

/** A range of an integer setting has integers only. Throws `INVALID_SETTING` for values that the setting does not allow. */
function checked(
  file: string,
  { settings, shared }: StudyJob,
  name: string,
  one: NumberRange | Choices,
): NumberRange | Choices {
  if (shared.includes(name)) throw invalidSetting(`${file}: ${name}`, 'cannot be searched.');
  const setting = settings[name];
  if (!setting) return one; // part of an object, which is checked by the training
  const typed = 'from' in one && setting.type === 'integer' ? { ...one, integer: true } : one;
  for (const value of 'from' in one ? [one.from, one.to] : one.choices) {
    const problem = problemWith(setting, value);
    if (problem !== null) throw invalidSetting(`${file}: ${name}`, problem);
  }
  return typed;
}

/** Reads a configuration. Throws `UsageError` if it has nothing to search, `INVALID_FILE` and `INVALID_SETTING`. */
export async function readStudyConfig(file: string): Promise<StudyConfig> {
  const values = await readJsonObject(file);
  const task = studyTaskOf(values);
  const job = STUDY_JOBS[task];
  if (task === 'language-model' && values.stream !== undefined) {
    throw invalidSetting(
      `${file}: stream`,
      'is for unspool train only: each worker of unspool tune reads the text as a whole.',
    );
  }
  requireKnownKeys(file, values, job.settings);
  const space: Record<string, NumberRange | Choices> = {};
  const base = split(values, '', space);
  requireValues(`${file}: `, base, job.settings);
  if (Object.keys(space).length === 0) {
    throw new UsageError(
      `${file} has nothing to search. Give a setting as a range, "lr": {"from": 0.001, "to": 0.03, "scale": "log"}, or as choices, "layers": {"choices": [1, 2]}.`,
    );
  }
  if (task === 'language-model' && (base.validationSplit ?? DEFAULTS.validationSplit) === 0) {
    throw invalidSetting(
      `${file}: validationSplit`,
      'must be more than 0: trials are compared by their validation loss.',
    );
  }
  return {
    ...{ task, base },
    space: Object.fromEntries(Object.entries(space).map(([name, one]) => [name, checked(file, job, name, one)])),
  };
}
