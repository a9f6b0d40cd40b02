/** The options of classification and tagging, checked and complete. */
import { requireChoice, requireInteger, requireKeys, requireOptional, shown } from '../../checks.js';
import { invalidSetting } from '../../errors.js';
import { requireShare, SCALES, type ScaleKind } from '../series/options.js';

/** The jobs whose samples are sequences with labels. */
export type LabelTask = 'classification' | 'tagging';

/** Options that classification and tagging share. */
export interface SequenceOptions {
  /** The column with the texts. */
  readonly text?: string;
  /**
   * Instead of `text`: columns of numbers. With `sequence`, they are the inputs of each time step. Otherwise a row is one sequence: its
   * columns are the time steps, or a single column has all its numbers, separated by blanks.
   */
  readonly values?: readonly string[];
  /** A column that names the sequence of a row, if each row is one time step. Needs `values`. */
  readonly sequence?: string;
  /** A column that names groups, such as speakers: all samples of a group are in the same part. Default: none. */
  readonly group?: string;
  /** Samples that are kept for the test; below 1, their share. Default 0.1, or 0 with `folds` or a given test table. */
  readonly test?: number;
  /** Samples that are kept for validation; below 1, their share. Default 0.1. */
  readonly validation?: number;
  /** Splits the samples into so many folds, one of which is the test part. Default: none. */
  readonly folds?: number;
  /** The fold that is the test part, from 1. Default 1. */
  readonly fold?: number;
  /** Seed of the split. Default 1. */
  readonly seed?: number;
  /** Reads texts in lower case. Default false. */
  readonly lowerCase?: boolean;
  /** How values are scaled; fitted on the training part. Default `standard`. */
  readonly scale?: ScaleKind;
  /** Samples in a batch. Default 64. */
  readonly batchSize?: number;
}

/** Options of `classification`. */
export interface ClassificationOptions extends SequenceOptions {
  /** The column with the classes. */
  readonly label: string;
  /**
   * For classes of unequal size: `weights` weights each class in the loss so that all count the same, `oversample` repeats samples
   * of smaller classes in each epoch. Default `none`.
   */
  readonly balance?: Balance;
}

/** Options of `tagging`. */
export interface TaggingOptions extends SequenceOptions {
  /** The column with the tags: one per time step, separated by blanks, or a row's own with `sequence`. Not for a plain text. */
  readonly tags?: string;
  /** What a tag belongs to: `characters`, or `words`, which blanks separate. Default `characters`. */
  readonly units?: Unit;
  /** For a plain text: characters that are tagged in one sample. Default 128. */
  readonly length?: number;
  /** For a plain text: characters that validation, test and predictions read before and after those. Default 16. */
  readonly context?: number;
}

export type Balance = 'none' | 'weights' | 'oversample';
/** A time step of a text. */
export type Unit = 'characters' | 'words';

/** The options of a pipeline, with defaults. */
export interface SequenceSettings {
  /** A column; null for values or a plain text. */
  readonly text: string | null;
  readonly values: readonly string[];
  readonly sequence: string | null;
  readonly group: string | null;
  /** The column of classes or tags; null for a plain text, whose spaces are the tags. */
  readonly label: string | null;
  readonly test: number;
  readonly validation: number;
  readonly folds: number;
  readonly fold: number;
  readonly seed: number;
  readonly lowerCase: boolean;
  readonly scale: ScaleKind;
  readonly balance: Balance;
  readonly units: Unit;
  readonly length: number;
  readonly context: number;
  readonly batchSize: number;
}

const SHARED = ['text', 'values', 'sequence', 'group', 'test', 'validation', 'folds', 'fold', 'seed', 'lowerCase'];
const KEYS = {
  classification: [...SHARED, 'scale', 'batchSize', 'label', 'balance'],
  tagging: [...SHARED, 'scale', 'batchSize', 'tags', 'units', 'length', 'context'],
} as const;

const MAX = 1 << 20;

/** The keys of the options of a job. */
export const sequenceKeys = (task: LabelTask): readonly string[] => KEYS[task];

function requireColumns(options: SequenceOptions, label: string | undefined, key: string): void {
  const { text, values, sequence } = options;
  if (typeof label !== 'string' || label === '') {
    throw invalidSetting(`options.${key}`, `must name a column, got ${shown(label)}.`);
  }
  // A copy, because `every` skips holes.
  const isList =
    Array.isArray(values) && values.length > 0 && [...values].every((v) => typeof v === 'string' && v !== '');
  if (values !== undefined && !isList) {
    throw invalidSetting('options.values', `must be a list of columns, got ${shown(values)}.`);
  }
  if ((text === undefined) === (values === undefined)) {
    const found = text === undefined ? 'neither' : 'both';
    throw invalidSetting(
      'options',
      `must have either text or values, got ${found}.`,
      'Name the columns with the inputs.',
    );
  }
  if (sequence !== undefined && values === undefined) {
    throw invalidSetting('options.sequence', 'needs values: the columns with the inputs of a time step.');
  }
}

/** What the data is: its job, whether it is a plain text, and whether its test part is given separately. */
export interface SourceKind {
  readonly task: LabelTask;
  readonly isPlain: boolean;
  readonly hasTest: boolean;
}

/** The options with defaults. Throws `INVALID_SETTING` for one that cannot work. */
export function sequenceSettings(given: unknown, { task, isPlain, hasTest }: SourceKind): SequenceSettings {
  requireKeys('options', given, KEYS[task]);
  const options = given as Partial<ClassificationOptions & TaggingOptions>;
  const { label, tags, balance = 'none', units = 'characters', length = 128, context = 16 } = options;
  const {
    folds = 0,
    fold = 1,
    validation = 0.1,
    seed = 1,
    lowerCase = false,
    scale = 'standard',
    batchSize = 64,
  } = options;
  if (folds !== 0) requireInteger('options.folds', folds, 2, MAX);
  const { test = folds > 0 || hasTest ? 0 : 0.1 } = options;
  if (isPlain) {
    const unused = ['text', 'values', 'sequence', 'group', 'tags', 'folds', 'fold', 'scale'].find(
      (key) => key in options,
    );
    if (unused) throw invalidSetting(`options.${unused}`, 'is for tables; the data is a plain text.');
    if (units !== 'characters') throw invalidSetting('options.units', 'must be "characters" for a plain text.');
  } else requireColumns(options, task === 'tagging' ? tags : label, task === 'tagging' ? 'tags' : 'label');
  for (const key of ['text', 'sequence', 'group'] as const) requireOptional(`options.${key}`, options[key], 'string');
  requireOptional('options.lowerCase', lowerCase, 'boolean');
  requireShare('options.test', test, 'samples');
  requireShare('options.validation', validation, 'samples');
  requireInteger('options.fold', fold, 1, Math.max(1, folds));
  requireInteger('options.seed', seed, 0, Number.MAX_SAFE_INTEGER);
  requireChoice('options.scale', scale, SCALES);
  requireChoice('options.balance', balance, ['none', 'weights', 'oversample']);
  requireChoice('options.units', units, ['characters', 'words']);
  requireInteger('options.length', length, 1, MAX);
  requireInteger('options.context', context, 0, MAX);
  requireInteger('options.batchSize', batchSize, 1, MAX);
  if (test > 0 && (folds > 0 || hasTest)) {
    throw invalidSetting('options.test', `has no effect with ${hasTest ? 'a test table' : 'folds'}.`, 'Remove it.');
  }
  if (folds > 0 && hasTest) throw invalidSetting('options.folds', 'has no effect with a test table.', 'Remove it.');
  return {
    ...{ text: options.text ?? null, values: [...(options.values ?? [])], sequence: options.sequence ?? null },
    ...{ group: options.group ?? null, label: label ?? tags ?? null, test, validation, folds, fold, seed, lowerCase },
    ...{ scale, balance, units, length, context, batchSize },
  };
}

/** The options that these settings came from, so that saved ones are checked as given ones are. */
export function optionsOfSettings(task: LabelTask, settings: SequenceSettings): object {
  const { label, values, folds, fold, test, ...rest } = settings;
  const all = {
    ...rest,
    ...(values.length > 0 && { values }),
    ...(label !== null && { [task === 'tagging' ? 'tags' : 'label']: label }),
    ...((folds ?? 0) === 0 ? { test } : { folds, fold }), // what is wrong in a damaged file is found later
  };
  const isPlain = label === null;
  const isUsed = ([key, value]: [string, unknown]): boolean =>
    value !== null && KEYS[task].includes(key as never) && !(isPlain && key === 'scale');
  return Object.fromEntries(Object.entries(all).filter(isUsed));
}
