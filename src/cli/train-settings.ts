/** The settings of `unspool train`: standards, then the config file, then the flags; or what a checkpoint was made with. */

import { totalmem } from 'node:os';
import { invalidSetting } from '../errors.js';
import {
  type AverageSpec,
  createOptimizer,
  createSchedule,
  estimateMemory,
  type Facts,
  type FitOptions,
  type LayerSpec,
  type LstmSpec,
  type ModelSpec,
  type Optimizer,
  type OptimizerSpec,
  type Precision,
  type Schedule,
  type ScheduleSpec,
  UnspoolError,
} from '../index.js';
import { readText } from '../node/index.js';
import { dashed, type OptionSpec, type OptionValues, UsageError } from './command.js';
import { parseConfig } from './config.js';
import { grouped } from './output.js';

export interface TrainSettings {
  readonly hidden: number;
  readonly layers: number;
  readonly embedding: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** 0: as many as the epochs have. */
  readonly maxUpdates: number;
  /** Share dropped below, between and above the LSTM layers; 0: no such layers. */
  readonly dropout: number;
  readonly lr: number;
  /** A name, or from the config file a rule with all its settings. */
  readonly optimizer: string | OptimizerSpec;
  /** How the learning rate changes: a name, or from the config file a schedule with its settings. */
  readonly schedule: string | ScheduleSpec;
  /** 0: none. */
  readonly clip: number;
  readonly validationSplit: number;
  readonly seed: number;
  readonly precision: Precision;
  /** 0: at the end of each epoch only. */
  readonly validateEvery: number;
  /** 0: only at the end, or when interrupted. */
  readonly checkpointEvery: number;
  /** How the gradient is made, as `unspool lab list` tells them. */
  readonly estimator: string;
  /** Measurements without a better one after which it ends; 0: never. */
  readonly patience: number;
  /** From the config file only: which average of the weights is measured and kept. */
  readonly average?: AverageSpec;
  /** From the config file only: settings of every LSTM layer, such as `init`. */
  readonly lstm?: Partial<LstmSpec>;
}

export const STANDARD = {
  hidden: 128,
  layers: 1,
  embedding: 32,
  steps: 64,
  batchSize: 32,
  epochs: 1,
  maxUpdates: 0,
  dropout: 0,
  lr: 0.002,
  optimizer: 'adam',
  schedule: 'constant',
  clip: 1,
  validationSplit: 0.1,
  seed: 1,
  precision: 'float32' as Precision,
  validateEvery: 0,
  checkpointEvery: 200,
  estimator: 'bptt',
  patience: 0,
} satisfies TrainSettings;

export const TRAIN_OPTIONS = {
  hidden: { type: 'integer', help: 'units of each LSTM layer', standard: STANDARD.hidden },
  layers: { type: 'integer', help: 'LSTM layers', standard: STANDARD.layers },
  embedding: { type: 'integer', help: "length of each character's vector", standard: STANDARD.embedding },
  steps: { type: 'integer', help: 'time steps that the gradient goes back', standard: STANDARD.steps },
  batchSize: { type: 'integer', help: 'streams of text read side by side', standard: STANDARD.batchSize },
  epochs: { type: 'integer', help: 'passes over the text', standard: STANDARD.epochs },
  maxUpdates: { type: 'integer', help: 'stop after this many updates; 0 for no limit', standard: STANDARD.maxUpdates },
  dropout: {
    type: 'number',
    help: 'share dropped around the LSTM layers while training',
    standard: STANDARD.dropout,
  },
  lr: { type: 'number', help: 'learning rate', standard: STANDARD.lr },
  optimizer: {
    type: 'text',
    value: 'NAME',
    help: 'adam, adamW, sgd and others',
    standard: STANDARD.optimizer,
  },
  schedule: {
    type: 'text',
    value: 'NAME',
    help: 'of the rate: constant, linear or cosine, down to 0, ...',
    standard: STANDARD.schedule,
  },
  clip: { type: 'number', help: 'largest norm of the gradient; 0 for no limit', standard: STANDARD.clip },
  validationSplit: {
    type: 'number',
    value: 'SHARE',
    help: 'share of the text kept to measure on',
    standard: STANDARD.validationSplit,
  },
  seed: { type: 'integer', help: 'the same seed gives the same model, bit for bit', standard: STANDARD.seed },
  precision: { type: 'text', value: 'NAME', help: 'float32 or float64', standard: STANDARD.precision },
  validateEvery: {
    type: 'integer',
    help: 'updates between measurements, besides the ends of epochs',
    standard: 0,
  },
  checkpointEvery: {
    type: 'integer',
    help: 'updates between checkpoints; 0 for only one, at the end',
    standard: STANDARD.checkpointEvery,
  },
  estimator: {
    type: 'text',
    value: 'NAME',
    help: 'of the gradient, such as tbptt:k1=16,k2=64 (unspool lab list)',
    standard: STANDARD.estimator,
  },
  patience: {
    type: 'integer',
    help: 'measurements without a better one before it ends; 0: no end',
    standard: STANDARD.patience,
  },
} as const satisfies Record<string, OptionSpec>;

const KEYS = [...Object.keys(TRAIN_OPTIONS), 'lstm', 'average'];

/** In a config file these may be objects: their checks are those of the library. */
const MAY_BE_OBJECTS = ['optimizer', 'schedule'];

/** A resumed training is the same training: only how long and how fast it goes on may change. */
const CHANGEABLE = ['epochs', 'maxUpdates', 'lr', 'validateEvery', 'checkpointEvery'];

const MAY_BE_ZERO = [...CHANGEABLE, 'seed', 'clip', 'validationSplit', 'dropout', 'patience'];

/** More is a slip of the keyboard. */
const MOST_LAYERS = 1000;

/** The flags that are settings: not where to save, how to print and the like. */
const settingFlags = (options: OptionValues): OptionValues =>
  Object.fromEntries(Object.entries(options).filter(([key]) => KEYS.includes(key)));

/** Throws `UsageError` or `INVALID_SETTING`. */
export async function readSettings(options: OptionValues): Promise<TrainSettings> {
  const file = options.config as string | undefined;
  const config = file === undefined ? {} : parseConfig(file, await readText(file), KEYS);
  return checked({ ...STANDARD, ...config, ...settingFlags(options) } as TrainSettings);
}

/** The settings in a checkpoint's facts, with what may be changed. Throws `UsageError` for what may not. */
export function resumedSettings(facts: Facts, options: OptionValues): TrainSettings {
  if (options.config !== undefined) throw new UsageError('--config has no place beside --resume');
  const flags = settingFlags(options);
  const fixed = Object.keys(flags).find((key) => !CHANGEABLE.includes(key));
  if (fixed !== undefined) {
    const names = CHANGEABLE.map((key) => `--${dashed(key)}`).join(', ');
    throw new UsageError(`--${dashed(fixed)} is fixed by the checkpoint; only ${names} may change`);
  }
  return checked({ ...STANDARD, ...(facts.settings as object), ...flags } as TrainSettings);
}

function checked(settings: TrainSettings): TrainSettings {
  for (const key of Object.keys(TRAIN_OPTIONS) as (keyof typeof TRAIN_OPTIONS)[]) {
    const { type } = TRAIN_OPTIONS[key];
    const value: unknown = settings[key];
    if (MAY_BE_OBJECTS.includes(key) && typeof value === 'object' && value !== null) continue;
    const right = type === 'text' ? typeof value === 'string' : Number.isFinite(value);
    const least = MAY_BE_ZERO.includes(key) ? 0 : 1;
    const low = typeof value === 'number' && (value < least || (type === 'integer' && !Number.isInteger(value)));
    if (!right || low) {
      const wanted = type === 'text' ? 'a name' : `a ${type === 'integer' ? 'whole ' : ''}number of at least ${least}`;
      const problem = `should be ${wanted}, but is ${JSON.stringify(value)}.`;
      throw invalidSetting(key, problem);
    }
  }
  const { layers, lstm } = settings;
  if (layers > MOST_LAYERS) throw invalidSetting('layers', `should be at most ${MOST_LAYERS}, but is ${layers}.`);
  if (lstm !== undefined && (typeof lstm !== 'object' || lstm === null || Array.isArray(lstm))) {
    throw invalidSetting('lstm', `should be an object, but is ${JSON.stringify(lstm)}.`);
  }
  return settings;
}

/** Throws `INVALID_SETTING`. */
export const scheduleOf = ({ schedule }: TrainSettings): Schedule => createSchedule(schedule as ScheduleSpec);

/** A rule by name with `lr`, or all of it from the config file. Throws `INVALID_SETTING`. */
export function optimizerOf({ optimizer, lr: learningRate }: TrainSettings): Optimizer {
  if (typeof optimizer === 'object') return createOptimizer(optimizer);
  return createOptimizer(
    optimizer === 'sgd' ? { kind: 'sgd', learningRate, momentum: 0.9 } : { kind: optimizer, learningRate },
  );
}

/** What watches over the weights, and keeps copies of them. */
export const watchersOf = ({ average, patience }: TrainSettings): Pick<FitOptions, 'average' | 'earlyStopping'> => ({
  ...(average ? { average } : {}),
  ...(patience > 0 ? { earlyStopping: { patience } } : {}),
});

/** All that `fit` is told but the signal. Throws `INVALID_SETTING`. */
export async function fitOptionsOf(settings: TrainSettings): Promise<FitOptions> {
  const { epochs, seed, clip, maxUpdates, validateEvery } = settings;
  return {
    optimizer: optimizerOf(settings),
    schedule: scheduleOf(settings),
    loss: 'crossEntropy',
    epochs,
    seed,
    ...(clip > 0 ? { clipNorm: clip } : {}),
    ...(maxUpdates > 0 ? { maxUpdates } : {}),
    ...(validateEvery > 0 ? { validateEvery } : {}),
    ...watchersOf(settings),
    ...(await gradientOf(settings)),
  };
}

/** Nothing for BPTT, which is what `fit` does by itself. */
async function gradientOf({ estimator }: TrainSettings): Promise<Pick<FitOptions, 'gradient'>> {
  if (estimator === 'bptt') return {};
  const { estimatorGradient, parseEstimator } = await import('../lab/index.js');
  return { gradient: estimatorGradient(parseEstimator(estimator)) };
}

/** Embedding, LSTM layers with dropout around them, linear head over the vocabulary. Throws `INVALID_SETTING` where it cannot fit in memory. */
export async function languageModelSpec(settings: TrainSettings, vocabularySize: number): Promise<ModelSpec> {
  const { seed, embedding, layers, hidden, dropout } = settings;
  const dropped: LayerSpec[] = dropout > 0 ? [{ kind: 'dropout', rate: dropout }] : [];
  const lstm: LstmSpec = { ...settings.lstm, kind: 'lstm', hiddenSize: hidden };
  const spec: ModelSpec = {
    seed,
    layers: [
      { kind: 'embedding', size: vocabularySize, width: embedding },
      ...dropped,
      ...Array.from({ length: layers }, () => [lstm, ...dropped]).flat(),
      { kind: 'linear', size: vocabularySize },
    ],
  };
  await requireMemory(spec, settings);
  return spec;
}

/** Throws `INVALID_SETTING` where training with these settings needs more memory than there is, before any is taken. */
async function requireMemory(spec: ModelSpec, settings: TrainSettings): Promise<void> {
  const { steps, batchSize, precision } = settings;
  const gib = (bytes: number): string => `${grouped(Math.ceil(bytes / 2 ** 30))} GiB`;
  const tooMuch = (bytes: number, there: string): UnspoolError => {
    const problem = `training this would take at least ${gib(bytes)} of memory; ${there}.`;
    return invalidSetting('size', problem, 'Lower --hidden, --layers, --embedding, --batch-size or --steps.');
  };
  const machine = `this machine has ${gib(totalmem())}`;
  try {
    const options = { precision, optimizer: optimizerOf(settings), ...watchersOf(settings), limit: 0.8 * totalmem() };
    const { total, capacity } = await estimateMemory(spec, { steps, batchSize }, options);
    if (total > capacity) throw tooMuch(total, `WebAssembly can reach ${gib(capacity)}`);
  } catch (error) {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'OUT_OF_MEMORY') throw error;
    throw tooMuch((error.problem.bytes ?? 0) + (error.problem.inUse ?? 0), machine);
  }
}
