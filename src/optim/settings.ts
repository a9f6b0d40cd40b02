/** Validation of the optimizers' settings. */
import { requireNumber, requireOptional, requireOptions } from '../checks.js';

const INFINITY = Number.POSITIVE_INFINITY;

/** Smallest and largest value of each numeric setting, for all optimizers. The others are true or false. */
const BOUNDS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  learningRate: [0, INFINITY],
  beta1: [0, 1 - Number.EPSILON],
  beta2: [0, 1 - Number.EPSILON],
  alpha: [0, 1],
  rho: [0, 1],
  momentum: [0, 1],
  dampening: [0, 1],
  eps: [0, INFINITY],
  weightDecay: [0, INFINITY],
  learningRateDecay: [0, INFINITY],
  momentumDecay: [0, INFINITY],
};

/**
 * The given settings, completed with an optimizer's defaults. Undefined means the default; where that is undefined, too, the
 * setting is required. Throws `INVALID_SETTING`.
 */
export function settingsOf<T extends object>(kind: string, defaults: T, given: Partial<T> | undefined): T {
  requireOptions(kind, given, Object.keys(defaults));
  const all = { ...defaults };
  for (const key of Object.keys(defaults) as (keyof T & string)[]) {
    if (given?.[key] !== undefined) all[key] = given[key] as T[keyof T & string];
    const bounds = BOUNDS[key];
    if (bounds) requireNumber(`${kind}.${key}`, all[key], ...bounds);
    else requireOptional(`${kind}.${key}`, all[key], 'boolean');
  }
  return all;
}
