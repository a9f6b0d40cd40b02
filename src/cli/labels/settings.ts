/** What a classifier or a tagger is trained on: the settings of its data, as flags and in a config file. */
import type { ClassificationOptions, LabelTask, TaggingOptions, TrainLabelerOptions } from '../../tasks/index.js';
import { FORECAST_SETTINGS } from '../forecast/settings.js';
import { flag, integer, number, type Settings, text, type ValuesOf } from '../settings.js';
import { SETTING_FLAGS } from '../train/settings.js';

const GROUP = 'Classification and tagging';
const LABELING = { group: GROUP } as const;
const COLUMN = { ...LABELING, placeholder: 'COLUMN' } as const;

/** The settings that only these jobs have. */
export const LABEL_FLAGS = {
  text: text({ ...COLUMN, help: 'the column with the texts' }),
  label: text({ ...COLUMN, help: 'the column with the classes: trains a classifier' }),
  tags: text({ ...COLUMN, help: 'the column with one tag per character or word: trains a tagger' }),
  values: text({ ...LABELING, placeholder: 'COLUMNS', help: 'columns of numbers, instead of --text' }),
  sequence: text({
    ...COLUMN,
    help: 'with --values: the column that names the sequence of a row, which is one time step',
  }),
  group: text({ ...COLUMN, help: 'the column that names groups, whose samples stay in one part' }),
  testFile: text({ ...LABELING, placeholder: 'FILE', help: 'a separate test part' }),
  folds: integer({ ...LABELING, min: 2, max: 1000, help: 'split into N folds, one of which is the test part' }),
  fold: integer({ ...LABELING, min: 1, max: 1000, help: 'the fold that is the test part', defaultText: '1' }),
  lowerCase: flag('read texts in lower case', GROUP),
  balance: text({
    ...LABELING,
    choices: ['none', 'weights', 'oversample'],
    help: 'for classes of unequal size: weight them in the loss, or repeat samples',
    defaultText: 'none',
  }),
  units: text({
    ...LABELING,
    choices: ['characters', 'words'],
    help: 'what a tag belongs to',
    defaultText: 'characters',
  }),
  length: integer({
    ...LABELING,
    min: 1,
    max: 1 << 20,
    help: 'characters of a plain text in one sample',
    defaultText: '128',
  }),
  context: integer({
    ...LABELING,
    min: 0,
    max: 1 << 20,
    help: 'characters that are read around those',
    defaultText: '16',
  }),
  recurrentDropout: number({
    ...LABELING,
    min: 0,
    max: 0.99,
    help: 'dropout of the recurrent state',
    defaultText: '0',
  }),
  forwardOnly: flag('read sequences forwards only, not in both directions', GROUP),
} satisfies Settings;

export type LabelFlags = ValuesOf<typeof LABEL_FLAGS>;

const { hiddenSize, embeddingSize, layers, dropout, epochs, lr, seed, patience, batchSize, precision } = SETTING_FLAGS;
const { checkpointEvery, metricsEvery } = SETTING_FLAGS;
const { test, validation, scale, decimal } = FORECAST_SETTINGS;

/** All settings of the training of a classifier or a tagger: the keys of its config file, and the flags that it uses. */
export const LABEL_CONFIG = {
  task: text({ choices: ['classification', 'tagging'], help: 'classification or tagging' }),
  table: text({ help: 'the file of the table, the folder, or the text' }),
  ...LABEL_FLAGS,
  ...{ test: { ...test, help: 'samples that are kept for the test, or their share' } },
  ...{ validation: { ...validation, help: 'samples for validation, or their share' } },
  ...{ scale, decimal, hiddenSize, embeddingSize, layers, dropout, epochs, lr, seed, patience, batchSize, precision },
  ...{ checkpointEvery, metricsEvery },
} satisfies Settings;

export type LabelSettings = Partial<ValuesOf<typeof LABEL_CONFIG>>;

const namesIn = (list: string): string[] => list.split(',').map((name) => name.trim());

const given = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== false));

/** The options of `classification` or `tagging`, which check them. */
export function dataOptionsOf(task: LabelTask, settings: LabelSettings): ClassificationOptions & TaggingOptions {
  const { text: column, values, sequence, group, test: tested, validation: validated, folds, fold } = settings;
  const { lowerCase, scale: scaled, batchSize: size, label, balance, tags, units, length, context } = settings;
  const shared = { text: column, sequence, group, test: tested, validation: validated, folds, fold, lowerCase };
  const own = task === 'classification' ? { label, balance } : { tags, units, length, context };
  return given({
    ...{ ...shared, ...own, scale: scaled, batchSize: size },
    values: values === undefined ? undefined : namesIn(values),
  }) as ClassificationOptions & TaggingOptions;
}

/** The options of the training, without those of the machine. */
export function trainingOptionsOf(settings: LabelSettings): TrainLabelerOptions {
  const {
    hiddenSize: units,
    embeddingSize: width,
    layers: count,
    dropout: rate,
    recurrentDropout,
    epochs: passes,
  } = settings;
  const sizes = { hiddenSize: units, embeddingSize: width, layers: count, dropout: rate, recurrentDropout };
  return {
    ...given({ ...sizes, epochs: passes, learningRate: settings.lr }),
    ...(settings.patience !== undefined && settings.patience > 0 && { patience: settings.patience }),
    ...(settings.forwardOnly && { bidirectional: false }),
    seeds: [settings.seed ?? 1],
  };
}
