/** Search spaces: which settings a search varies, and the settings of each trial. */
import {
  isObject,
  isPlainObject,
  requireChoice,
  requireInteger,
  requireKeys,
  requireNumber,
  requireOptional,
  shown,
} from '../checks.js';
import { createRng, type Rng, shuffled } from '../core/rng.js';
import { invalidSetting } from '../errors.js';

/** Numbers between two bounds, both included. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
  /** How numbers are spread: evenly, or evenly in their logarithm, as for learning rates. Default `linear`. */
  readonly scale?: 'linear' | 'log';
  /** Only integers. Default false. */
  readonly integer?: boolean;
  /** Number of values in a grid search, from 1 to 1000. Default 3. */
  readonly points?: number;
}

/** One of a list of values: numbers, names, or anything that JSON can express. */
export interface Choices {
  readonly choices: readonly unknown[];
}

/** The settings that a search varies, by name. A dot leads into an object: `optimizer.weightDecay`. */
export type SearchSpace = Readonly<Record<string, NumberRange | Choices>>;

/** The settings of a trial, by the names of the search space. */
export type TrialSettings = Readonly<Record<string, unknown>>;

const isChoices = (one: NumberRange | Choices): one is Choices => 'choices' in one;

/** Whether a value of a configuration is a range or a list of choices. */
export const isSearched = (value: unknown): value is NumberRange | Choices =>
  isPlainObject(value) && ('choices' in value || ('from' in value && 'to' in value));

const MAX_GRID = 1_000_000;
const MAX_SETTINGS = 100;

function requireRange(path: string, range: NumberRange): void {
  requireKeys(path, range, ['from', 'to', 'scale', 'integer', 'points']);
  const { from, to, scale = 'linear', integer, points = 3 } = range;
  const max = Number.MAX_SAFE_INTEGER;
  requireChoice(`${path}.scale`, scale, ['linear', 'log']);
  requireOptional(`${path}.integer`, integer, 'boolean');
  requireInteger(`${path}.points`, points, 1, 1000);
  const isLog = scale === 'log';
  if (integer) {
    requireInteger(`${path}.from`, from, isLog ? 1 : -max, max);
    requireInteger(`${path}.to`, to, from, max);
  } else {
    requireNumber(`${path}.from`, from, isLog ? Number.MIN_VALUE : -max, max);
    requireNumber(`${path}.to`, to, from, max);
  }
}

/** A copy of a space. Throws `INVALID_SETTING`. */
export function copyOfSpace(space: SearchSpace): SearchSpace {
  if (!isObject(space) || Array.isArray(space)) {
    throw invalidSetting(
      'space',
      `must be an object, got ${shown(space)}.`,
      'Such as { lr: { from: 0.001, to: 0.1 } }.',
    );
  }
  const names = Object.keys(space);
  requireInteger('the number of settings in space', names.length, 1, MAX_SETTINGS);
  for (const name of names) {
    const one: unknown = space[name];
    if (!isSearched(one)) {
      throw invalidSetting(`space.${name}`, `must be { from, to } or { choices }, got ${shown(one)}.`);
    }
    if (!isChoices(one)) requireRange(`space.${name}`, one);
    else {
      requireKeys(`space.${name}`, one, ['choices']);
      if (Array.isArray(one.choices) && one.choices.length > 0) continue;
      throw invalidSetting(`space.${name}.choices`, `must be a list of values, got ${shown(one.choices)}.`);
    }
  }
  return Object.fromEntries(
    Object.entries(space).map(([name, one]) => [name, isChoices(one) ? { choices: [...one.choices] } : { ...one }]),
  );
}

/** Short numbers are easier to read, and to type. */
const rounded = (value: number): number => Number(value.toPrecision(4));

/** The number at a share of the way from the lower to the upper bound; shares below 1 are equally likely to be any integer. */
function numberAt({ from, to, scale, integer }: NumberRange, share: number): number {
  const [low, high] = integer && scale !== 'log' ? [from, to + 1] : [from, to];
  const value = scale === 'log' ? from * (to / from) ** share : low + share * (high - low);
  const number = integer ? (scale === 'log' ? Math.round(value) : Math.floor(value)) : rounded(value);
  return Math.min(to, Math.max(from, number));
}

const draw = (one: NumberRange | Choices, rng: Rng): unknown =>
  isChoices(one) ? one.choices[rng.integer(one.choices.length)] : numberAt(one, rng.uniform());

/** The settings of trial `number`. Each setting has its own random numbers: another setting in the space does not change it. */
export const randomSettings = (space: SearchSpace, seed: number, number: number): TrialSettings =>
  Object.fromEntries(
    Object.entries(space).map(([name, one]) => [name, draw(one, createRng(seed, `trial ${number} ${name}`))]),
  );

function gridValues(one: NumberRange | Choices): readonly unknown[] {
  if (isChoices(one)) return one.choices;
  const { points = 3, integer, from, to, scale } = one;
  const exact = { from, to, ...(scale && { scale }) };
  const shares = Array.from({ length: points }, (_, i) => (points === 1 ? 0.5 : i / (points - 1)));
  const values = shares.map((share) => numberAt(exact, share)).map((value) => (integer ? Math.round(value) : value));
  return [...new Set(points === 1 ? values : [from, ...values.slice(1, -1), to])];
}

/** All combinations, in a random order, so that any part of them covers the space. Throws `INVALID_SETTING` for over a million. */
export function gridSettings(space: SearchSpace, seed: number): TrialSettings[] {
  const axes = Object.entries(space).map(([name, one]) => ({ name, values: gridValues(one) }));
  const size = axes.reduce((product, { values }) => product * values.length, 1);
  if (size > MAX_GRID) {
    throw invalidSetting('space', `has ${size} combinations; a grid can have ${MAX_GRID}.`, 'Use the method random.');
  }
  const all = Array.from({ length: size }, (_, index) => {
    let rest = index;
    return Object.fromEntries(
      axes.map(({ name, values }) => {
        const value = values[rest % values.length];
        rest = Math.floor(rest / values.length);
        return [name, value];
      }),
    );
  });
  return shuffled(all, createRng(seed, 'grid'));
}
