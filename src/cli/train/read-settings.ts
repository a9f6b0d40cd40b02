/** Where the settings of a training come from, and what they set. */
import { isObject } from '../../checks.js';
import type { FitOptions, Metadata } from '../../index.js';
import { UsageError } from '../command.js';
import { readConfig, requireValues } from '../config.js';
import { dashed, type Settings } from '../settings.js';
import type { BackendFlags } from './backend.js';
import { CONFIG_SETTINGS, DEFAULTS, TRAIN_SETTINGS, type TrainSettings } from './settings.js';

const TABLE: Settings = TRAIN_SETTINGS;

/** The options that are settings and were given: not where to save, how to print and so on. */
const givenFlags = (options: object): Partial<TrainSettings> =>
  Object.fromEntries(Object.entries(options).filter(([key, value]) => key in TABLE && value !== undefined));

/** What a training needs: its settings, its text and its machine. */
export interface Configuration extends BackendFlags {
  readonly settings: TrainSettings;
  readonly text: string | undefined;
  readonly asText: boolean;
  readonly stream: boolean;
}

/** Flags override the config file, which overrides the defaults. Throws `INVALID_SETTING` or `INVALID_FILE`. */
export async function readConfiguration(
  [textFile]: readonly string[],
  options: BackendFlags & {
    readonly config: string | undefined;
    readonly asText: boolean;
    readonly stream: boolean;
  },
): Promise<Configuration> {
  const config = options.config === undefined ? {} : await readConfig(options.config, CONFIG_SETTINGS);
  const { text, asText, stream, backend, threads, ...settings } = config;
  return {
    settings: { ...DEFAULTS, ...settings, ...givenFlags(options) },
    text: textFile ?? text,
    asText: options.asText || (asText ?? false),
    stream: options.stream || (stream ?? false),
    backend: options.backend ?? backend,
    threads: options.threads ?? threads,
  };
}

/** The settings of a checkpoint or model. Those without `keep` had the best weights with `patience` only. */
const completed = (saved: Partial<TrainSettings>): TrainSettings => ({
  ...DEFAULTS,
  ...{ keep: (saved.patience ?? 0) > 0 ? 'best' : 'last' },
  ...saved,
});

/** The settings of a checkpoint, with those flags that may change. Throws `UsageError` for the others. */
export function resumedSettings(file: string, metadata: Metadata, options: object): TrainSettings {
  const flags = givenFlags(options);
  const fixed = Object.keys(flags).find((key) => !TABLE[key]!.changeable);
  if (fixed !== undefined) {
    const changeable = Object.keys(TABLE).filter((key) => TABLE[key]!.changeable);
    const names = changeable.map((key) => `--${dashed(key)}`).join(', ');
    throw new UsageError(`--${dashed(fixed)} cannot change when you resume a training. These can: ${names}.`);
  }
  const saved = metadata.settings as Partial<TrainSettings>;
  requireValues(`${file}: settings.`, saved, TABLE);
  return { ...completed(saved), ...flags };
}

/** Whether two checkpoints or models have the same settings, apart from those that may change. */
export function isSameTraining(one: unknown, other: unknown): boolean {
  if (!isObject(one) || !isObject(other)) return false;
  const [a, b] = [one, other].map((saved) => completed(saved) as unknown as Readonly<Record<string, unknown>>);
  const fixed = Object.keys(TABLE).filter((key) => !TABLE[key]!.changeable);
  return fixed.every((key) => JSON.stringify(a![key]) === JSON.stringify(b![key]));
}

/** The options of `fit`, without the signal. Throws `INVALID_SETTING`. */
export async function fitOptionsOf(settings: TrainSettings): Promise<FitOptions> {
  const parts = Object.entries(TABLE).map(([key, { fit }]) => fit?.(settings[key as keyof TrainSettings], settings));
  return Object.assign({ loss: 'crossEntropy' }, ...(await Promise.all(parts))) as FitOptions;
}
