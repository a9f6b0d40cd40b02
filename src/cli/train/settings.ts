/**
 * The settings of `unspool train`: one table for its flags, its config file, the help and the checks. The help needs the table and
 * nothing of the engine, so `fit` loads what it needs.
 */
import type { AverageSpec, LstmSpec, OptimizerSpec, Precision, ScheduleSpec } from '../../index.js';
import { FORMER_SETTINGS } from '../../interop/former-settings.js';
import { OPTIMIZER_NAMES, PLAIN_SCHEDULES } from '../../optim/names.js';
import { defaultsOf, integer, number, type Setting, setting, text, type ValuesOf } from '../settings.js';

const MODEL = { group: 'Model' } as const;
const DATA = { group: 'Data' } as const;
const TRAINING = { group: 'Training' } as const;
const WATCHING = { group: 'Validation and checkpoints' } as const;

const MAX_SIZE = 1 << 24;
const MAX_BATCH = 1 << 20;

/** Sets an option of `fit`, unless the value is 0. */
const unlessZero = (key: string) => (value: number) => (value > 0 ? { [key]: value } : {});

/** The gradient function of an estimator by name; `fit` uses BPTT by itself. */
async function gradientOf(estimator: string) {
  if (estimator === 'bptt') return {};
  const { estimatorGradient, parseEstimator } = await import('../../lab/index.js');
  return { gradient: estimatorGradient(parseEstimator(estimator)) };
}

export const TRAIN_SETTINGS = {
  hiddenSize: integer({
    ...MODEL,
    default: 128,
    min: 1,
    max: MAX_SIZE,
    help: 'units in each LSTM layer',
    formerName: FORMER_SETTINGS.hiddenSize,
  }),
  layers: integer({ ...MODEL, default: 1, min: 1, max: 1000, help: 'number of LSTM layers' }),
  embeddingSize: integer({
    ...MODEL,
    default: 32,
    min: 1,
    max: MAX_SIZE,
    help: "length of each character's embedding vector",
    formerName: FORMER_SETTINGS.embeddingSize,
  }),
  steps: integer({
    ...DATA,
    default: 64,
    min: 1,
    max: MAX_BATCH,
    help: 'time steps per update: how far back the gradient flows',
  }),
  batchSize: integer({
    ...DATA,
    default: 32,
    min: 1,
    max: MAX_BATCH,
    help: 'streams of text that are read in parallel',
    formerName: FORMER_SETTINGS.batchSize,
  }),
  accumulate: integer({
    ...TRAINING,
    default: 1,
    min: 1,
    max: MAX_BATCH,
    help: 'batches per update: the gradients of N batches make one update, with the memory of one',
  }),
  epochs: integer({
    ...TRAINING,
    default: 1,
    min: 1,
    help: 'passes over the text',
    changeable: true,
    fit: (epochs) => ({ epochs }),
  }),
  maxUpdates: integer({
    ...TRAINING,
    default: 0,
    min: 0,
    help: 'stop after N updates; 0 for no limit',
    changeable: true,
    formerName: FORMER_SETTINGS.maxUpdates,
    fit: unlessZero('maxUpdates'),
  }),
  dropout: number({
    ...MODEL,
    default: 0,
    min: 0,
    max: 0.99,
    placeholder: 'P',
    help: 'dropout probability before, between and after the LSTM layers',
  }),
  lr: number({
    ...TRAINING,
    default: 0.002,
    min: 0,
    placeholder: 'RATE',
    help: 'learning rate',
    changeable: true,
    otherName: 'learningRate',
  }),
  optimizer: setting<string | OptimizerSpec>({
    ...TRAINING,
    type: 'text',
    mayBeObject: true,
    default: 'adam',
    help: OPTIMIZER_NAMES.join(', '),
    fit: async (optimizer, { lr }) => ({ optimizer: (await import('./rules.js')).optimizerOf(optimizer, lr) }),
  }),
  schedule: setting<string | ScheduleSpec>({
    ...TRAINING,
    type: 'text',
    mayBeObject: true,
    default: 'constant',
    help: `learning rate schedule: ${PLAIN_SCHEDULES.join(', ')}`,
    fit: async (schedule) => ({ schedule: (await import('./rules.js')).scheduleOf(schedule) }),
  }),
  clipNorm: number({
    ...TRAINING,
    default: 1,
    min: 0,
    placeholder: 'NORM',
    help: 'maximum norm of the gradient; 0 for no clipping',
    formerName: FORMER_SETTINGS.clipNorm,
    fit: unlessZero('clipNorm'),
  }),
  validationSplit: number({
    ...DATA,
    default: 0.1,
    min: 0,
    max: 0.99,
    placeholder: 'FRACTION',
    help: 'fraction of the text, from its end, kept for validation',
    formerName: FORMER_SETTINGS.validationSplit,
  }),
  seed: integer({
    ...TRAINING,
    default: 1,
    min: 0,
    help: 'random seed; the same seed gives the same model',
    fit: (seed) => ({ seed }),
  }),
  precision: setting<Precision>({
    ...TRAINING,
    type: 'text',
    choices: ['float32', 'float64'],
    default: 'float32',
    help: 'float32 or float64',
  }),
  validateEvery: integer({
    ...WATCHING,
    default: 0,
    min: 0,
    help: 'validate every N updates and after each epoch; 0 for epochs only',
    changeable: true,
    fit: unlessZero('validateEvery'),
  }),
  checkpointEvery: integer({
    ...WATCHING,
    default: 200,
    min: 0,
    help: 'save a checkpoint every N updates; 0 for the end only',
    changeable: true,
  }),
  shards: integer({
    ...TRAINING,
    default: 0,
    min: 0,
    max: 4096,
    help: 'parts of a batch whose gradients are added in a fixed order (see --distributed); 0 for none',
  }),
  estimator: text({
    ...TRAINING,
    default: 'bptt',
    help: 'gradient estimator (see: unspool lab list)',
    fit: gradientOf,
  }),
  patience: integer({
    ...WATCHING,
    default: 0,
    min: 0,
    help: 'stop after N validations without improvement; 0 for never',
    fit: (patience, { keep, validationSplit }) => {
      if (patience > 0) return { earlyStopping: { patience, ...(keep === 'last' && { restoreBest: false }) } };
      // Never stops, but keeps the best weights.
      return keep === 'best' && validationSplit > 0 ? { earlyStopping: { patience: Number.MAX_SAFE_INTEGER } } : {};
    },
  }),
  keep: setting<'best' | 'last'>({
    ...WATCHING,
    type: 'text',
    choices: ['best', 'last'],
    default: 'best',
    help: 'weights that the model ends with: best, of the best validation, or last',
  }),
  metricsEvery: integer({
    ...WATCHING,
    default: 1,
    min: 1,
    help: 'write every Nth update to the metrics of the run directory',
    changeable: true,
  }),
  average: setting<AverageSpec | undefined>({
    type: 'object',
    help: 'average of the weights that is validated and saved',
    fit: (average) => (average ? { average } : {}),
  }),
  lstm: setting<Partial<LstmSpec> | undefined>({ type: 'object', help: 'more settings of every LSTM layer' }),
};

export type TrainSettings = ValuesOf<typeof TRAIN_SETTINGS>;

export const DEFAULTS: TrainSettings = defaultsOf(TRAIN_SETTINGS);

type FlagName = Exclude<keyof TrainSettings, 'average' | 'lstm'>;

/** What a config file has in addition to the settings of a training: with it, a file repeats a run. */
export const CONFIG_SETTINGS = {
  text: text({ ...DATA, placeholder: 'FILE', help: 'the text to train on, as the argument TEXT' }),
  asText: setting<boolean | undefined>({ ...DATA, type: 'flag', help: 'as --as-text' }),
  stream: setting<boolean | undefined>({ ...DATA, type: 'flag', help: 'as --stream' }),
  backend: text({ help: 'as --backend' }),
  threads: integer({ min: 1, help: 'as --threads' }),
  ...TRAIN_SETTINGS,
};

/** The settings as flags. They show their default, but the parser does not fill it in: a config file comes first. */
export const SETTING_FLAGS = Object.fromEntries(
  Object.entries(TRAIN_SETTINGS as Readonly<Record<string, Setting<unknown>>>).flatMap(([key, one]) =>
    one.type === 'object' ? [] : [[key, { ...one, default: undefined, defaultText: String(one.default) }]],
  ),
) as unknown as { readonly [K in FlagName]: Setting<TrainSettings[K] | undefined> };
