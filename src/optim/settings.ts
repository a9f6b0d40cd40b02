/** Validation of the optimizers' settings. */
import { requireNumber } from '../checks.js';

const INFINITY = Number.POSITIVE_INFINITY;

/** Smallest and largest value of each setting, for all optimizers. */
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

/** The given settings, completed with an optimizer's defaults. Throws `INVALID_SETTING`. */
export function settingsOf<T extends object>(kind: string, defaults: T, given: Partial<T>): T {
  const all = { ...defaults };
  for (const key of Object.keys(defaults) as (keyof T)[]) {
    if (given[key] !== undefined) all[key] = given[key] as T[keyof T];
  }
  for (const [key, value] of Object.entries(all)) {
    const bounds = BOUNDS[key];
    if (bounds && value !== null) requireNumber(`${kind}.${key}`, value, ...bounds);
  }
  return all;
}
