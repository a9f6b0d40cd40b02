/** Checks of values that a spec may hold. Each throws `INVALID_SETTING` with the path of the value. */
import { invalidSetting, shown } from '../errors.js';
import { requireInitializer } from './init.js';

/** The largest width or vocabulary; a larger number is a typing error. */
export const MAX_SIZE = 1 << 24;

/** The largest dropout rate: a rate of 1 leaves nothing to scale. */
export const MAX_DROP_RATE = 1 - 2 ** -20;

/** Requires an object without unknown keys: an unknown key is usually misspelled. */
export function requireKeys(path: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidSetting(path, `must be an object, got ${shown(value)}.`);
  }
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) {
      throw invalidSetting(`${path}.${key}`, 'unknown setting.', `Use ${allowed.join(', ')}.`);
    }
  }
}

/** Undefined passes; an empty string does not. */
export function requireOptional(path: string, value: unknown, type: 'boolean' | 'string'): void {
  if (value !== undefined && typeof value !== type) {
    throw invalidSetting(path, `must be a ${type}, got ${shown(value)}.`);
  }
  if (type === 'string' && value === '') throw invalidSetting(path, 'must not be empty.');
}

/** Undefined fails. */
export function requireChoice(path: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'string' && choices.includes(value)) return;
  const quoted = choices.map((choice) => `'${choice}'`);
  const list = [quoted.slice(0, -1).join(', '), quoted.at(-1)].filter(Boolean).join(' or ');
  throw invalidSetting(path, `must be ${list}, got ${shown(value)}.`);
}

/** Checks the `init` of a layer: initializers by name, and `forgetBias`, a number or null. */
export function checkInits(path: string, init: unknown, allowed: readonly string[]): void {
  if (init === undefined) return;
  requireKeys(path, init, allowed);
  for (const [key, value] of Object.entries(init as object)) {
    if (value === undefined) continue;
    if (key !== 'forgetBias') requireInitializer(`${path}.${key}`, value);
    else if (value !== null && !Number.isFinite(value)) {
      throw invalidSetting(`${path}.forgetBias`, `must be a number or null, got ${shown(value)}.`);
    }
  }
}
