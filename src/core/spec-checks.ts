/** Checks of values that a spec may hold. Each throws `INVALID_SETTING` with the path of the value. */
import { requireKeys, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { requireInitializer } from './init.js';

/** The largest width or vocabulary; a larger number is a typing error. */
export const MAX_SIZE = 1 << 24;

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
