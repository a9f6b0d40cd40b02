/** Checks of values that a spec may hold. Each throws `INVALID_SETTING` with the path of the value. */
import { didYouMean, isFunction, isKeyOf, requireKeys, requireNumber, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import type { Initializer } from './init.js';
import { INITIALIZER_NAMES } from './initializers.js';

/** The largest dropout rate: a rate of 1 leaves nothing to scale. */
export const MAX_DROP_RATE = 1 - 2 ** -20;

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

const { POSITIVE_INFINITY } = Number;

/** The number that each kind of object needs, and its range. */
const NUMBERS: Readonly<Record<string, readonly [key: string, min: number, max: number]>> = {
  uniform: ['bound', 0, POSITIVE_INFINITY],
  normal: ['std', 0, POSITIVE_INFINITY],
  truncatedNormal: ['std', 0, POSITIVE_INFINITY],
  orthogonal: ['gain', 0, POSITIVE_INFINITY],
  constant: ['value', -1e30, 1e30],
};

/** Throws `INVALID_SETTING` unless `value` is an initializer. */
export function requireInitializer(path: string, value: unknown): asserts value is Initializer {
  if (INITIALIZER_NAMES.includes(value as string)) return;
  if (isFunction(value)) return;
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    const { kind } = value as { readonly kind: unknown };
    const needs = isKeyOf(NUMBERS, kind) ? NUMBERS[kind] : undefined;
    if (needs) {
      const [key, min, max] = needs;
      requireKeys(path, value, ['kind', key]);
      requireNumber(`${path}.${key}`, (value as Record<string, unknown>)[key] as number, min, max);
      return;
    }
  }
  throw invalidSetting(
    path,
    `unknown initializer ${shown(value)}.${typeof value === 'string' ? didYouMean(value, INITIALIZER_NAMES) : ''}`,
    `Use one of ${INITIALIZER_NAMES.join(', ')}, a function, or {kind, ...} with ${Object.entries(NUMBERS)
      .map(([kind, [key]]) => `${kind}: ${key}`)
      .join(', ')}.`,
  );
}
