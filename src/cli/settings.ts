/** Tables of settings. Types, defaults, flags, help, config files and validation all derive from them. */

import { didYouMean, isObject, shown } from '../checks.js';
import type { FitOptions } from '../index.js';

/** One setting whose value is a `T`: a flag on the command line, a key in a config file, or both. */
export interface Setting<T> {
  /** `object` settings exist only in config files. A `flag` takes no value. */
  readonly type: 'integer' | 'number' | 'text' | 'flag' | 'object';
  /** What the help shows: one short phrase, without a period. */
  readonly help: string;
  /** The value of a setting that is not given. */
  readonly default?: T;
  /** Shown in the help instead of `default`, where the command computes the default. */
  readonly defaultText?: string;
  /** Smallest and largest valid value of a number, both inclusive. */
  readonly min?: number;
  readonly max?: number;
  /** The valid values of a text. */
  readonly choices?: readonly string[];
  /** Placeholder of the value in the help, such as FILE. Default `N`, or `NAME` for a text. */
  readonly placeholder?: string;
  /** Heading in the help. Default `Options`. */
  readonly group?: string;
  /** In a config file, a text may also be an object with the library's settings. */
  readonly mayBeObject?: true;
  /** `unspool train --resume` may change it. */
  readonly changeable?: true;
  /** Its name in Unspool 0.1, for an error message that names the new one. */
  readonly formerName?: string;
  /** What the library and other programs call it, for an error message that suggests this name. */
  readonly otherName?: string;
  /** The options of `fit` that it sets. */
  fit?(value: T, settings: FitContext): Partial<FitOptions> | Promise<Partial<FitOptions>>;
}

/** Other settings that decide what a setting does. */
export interface FitContext {
  readonly lr: number;
  readonly keep: 'best' | 'last';
  readonly validationSplit: number;
}

/** Settings by name, in the order of the help. */
// biome-ignore lint/suspicious/noExplicitAny: each setting has its own type of value
export type Settings = Readonly<Record<string, Setting<any>>>;

/** The values of a table: `undefined` is possible only where a setting has no default. */
export type ValuesOf<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

type Parts<T, D> = Omit<Setting<T | D>, 'type' | 'default' | 'fit'> & {
  readonly default?: D & T;
  fit?(value: T | D, settings: FitContext): ReturnType<NonNullable<Setting<T>['fit']>>;
};

// `D` is `undefined` for a setting without a default, and part of `T` otherwise.
export const integer = <D extends number | undefined = undefined>(parts: Parts<number, D>): Setting<number | D> =>
  ({ ...parts, type: 'integer' }) as Setting<number | D>;

export const number = <D extends number | undefined = undefined>(parts: Parts<number, D>): Setting<number | D> =>
  ({ ...parts, type: 'number' }) as Setting<number | D>;

export const text = <D extends string | undefined = undefined>(parts: Parts<string, D>): Setting<string | D> =>
  ({ ...parts, type: 'text' }) as Setting<string | D>;

/** A flag without a value: false unless given. */
export const flag = (help: string, group?: string): Setting<boolean> => ({
  type: 'flag',
  default: false,
  help,
  ...(group && { group }),
});

/** A setting with a special type of value, such as an object in a config file. */
export const setting = <T>(parts: Setting<T>): Setting<T> => parts;

/** The defaults of a table. Settings without one are left out. */
export const defaultsOf = <S extends Settings>(table: S): ValuesOf<S> =>
  Object.fromEntries(
    Object.entries(table).flatMap(([key, one]) => (one.default === undefined ? [] : [[key, one.default]])),
  ) as ValuesOf<S>;

/** `hiddenSize` as `hidden-size`. */
export const dashed = (key: string): string => key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

const plain = (name: string): string => dashed(name).replaceAll('_', '-');

/** A suggestion for an unknown name, or an empty text. `show` formats a key of the table. */
export function suggestionFor(name: string, table: Settings, show?: (key: string) => string): string {
  const isMeant = ([, { otherName }]: [string, Setting<unknown>]): boolean =>
    otherName !== undefined && plain(otherName) === plain(name);
  const meant = Object.entries(table).find(isMeant)?.[0];
  return didYouMean(meant ?? name, Object.keys(table), show);
}

function numberRange({ type, min, max }: Setting<number>): string {
  const kind = type === 'integer' ? 'an integer' : 'a number';
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  return min === undefined ? kind : `${kind} of at least ${min}`;
}

/** What is wrong with a value, as the rest of a sentence that begins with its name; null if it is valid. */
export function problemWith(one: Settings[string], value: unknown): string | null {
  const { type, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, choices, mayBeObject } = one;
  const must = (expected: string): string => `must be ${expected}, got ${shown(value)}.`;
  if (type === 'object') return isObject(value) ? null : must('an object');
  if (type === 'flag') return typeof value === 'boolean' ? null : must('true or false');
  if (type === 'text') {
    if (mayBeObject && isObject(value)) return null;
    if (typeof value !== 'string') return must(mayBeObject ? 'a name or an object' : 'a text');
    if (!choices || choices.includes(value)) return null;
    return must(choices.map((c) => `"${c}"`).join(' or ')) + didYouMean(value, choices);
  }
  const isNumber = type === 'integer' ? Number.isInteger(value) : Number.isFinite(value);
  return isNumber && (value as number) >= min && (value as number) <= max ? null : must(numberRange(one));
}
