/** The trainings whose settings a study can search: what their configurations have, and how a trial is measured. */
import { FORECAST_CONFIG } from '../forecast/settings.js';
import { LABEL_CONFIG } from '../labels/settings.js';
import type { Settings } from '../settings.js';
import { CONFIG_SETTINGS } from '../train/settings.js';

/** What a study trains. */
export type StudyTask = 'language-model' | 'forecasting' | 'classification' | 'tagging';

/** One kind of training. */
export interface StudyJob {
  /** What its configuration may have. */
  readonly settings: Settings;
  /** Settings that all trials share. */
  readonly shared: readonly string[];
  /** The setting with the file to train on, and what it is in an error message. */
  readonly file: { readonly key: string; readonly what: string };
  /** What the value of a trial is, as the name of a column. */
  readonly measure: string;
}

const { seeds: _, ensemble: __, ...FORECAST_STUDY } = FORECAST_CONFIG;
const { folds: ___, fold: ____, ...LABEL_STUDY } = LABEL_CONFIG;
const { stream: _____, ...TEXT_STUDY } = CONFIG_SETTINGS;

const LABEL_JOB: StudyJob = {
  settings: LABEL_STUDY,
  shared: ['task', 'table', 'text', 'label', 'tags', 'values', 'sequence', 'group', 'test', 'testFile', 'decimal'],
  file: { key: 'table', what: 'FILE: a table, a folder with one file per class, or a text' },
  measure: 'loss',
};

export const STUDY_JOBS: Readonly<Record<StudyTask, StudyJob>> = {
  'language-model': {
    settings: TEXT_STUDY,
    shared: ['text', 'asText', 'backend', 'threads'],
    file: { key: 'text', what: 'TEXT: a UTF-8 text file' },
    measure: 'loss',
  },
  forecasting: {
    settings: FORECAST_STUDY,
    shared: ['task', 'table', 'date', 'target', 'series', 'test', 'decimal'],
    file: { key: 'table', what: 'FILE: a table' },
    measure: 'MAE',
  },
  classification: LABEL_JOB,
  tagging: LABEL_JOB,
};

/** The task of a configuration: the one that it names, or the one that its columns are for. */
export function studyTaskOf({ task, target, label, tags }: Readonly<Record<string, unknown>>): StudyTask {
  if (task === 'forecasting' || task === 'classification' || task === 'tagging') return task;
  if (target !== undefined) return 'forecasting';
  if (label !== undefined) return 'classification';
  return tags === undefined ? 'language-model' : 'tagging';
}
