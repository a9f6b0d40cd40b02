import type { Matrix } from '../contract/kernels.js';
import { requireNumber } from '../errors.js';
import type { OptimizerPass } from './optimizer.js';

const ENDLESS = Number.POSITIVE_INFINITY;

/** The least and the largest value of each setting by its name, whatever the rule. */
const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  learningRate: [0, ENDLESS],
  beta1: [0, 1 - Number.EPSILON],
  beta2: [0, 1 - Number.EPSILON],
  alpha: [0, 1],
  rho: [0, 1],
  momentum: [0, 1],
  dampening: [0, 1],
  eps: [0, ENDLESS],
  weightDecay: [0, ENDLESS],
  learningRateDecay: [0, ENDLESS],
  momentumDecay: [0, ENDLESS],
};

/** The rule's standards with what was given in their place. Throws `INVALID_SETTING`. */
export function settingsOf<T extends object>(kind: string, standard: T, given: Partial<T>): T {
  const all = { ...standard };
  for (const key of Object.keys(standard) as (keyof T)[])
    if (given[key] !== undefined) all[key] = given[key] as T[keyof T];
  for (const [key, value] of Object.entries(all)) {
    const bounds = BOUNDS[key];
    if (bounds && value !== null) requireNumber(`${kind}.${key}`, value, ...bounds);
  }
  return all;
}

/** g + decay w, in scratch `index`; g itself without decay. */
export function withDecay(
  { kernels, parameters, gradients, scratch }: OptimizerPass,
  decay: number,
  index: number,
): Matrix {
  if (decay === 0) return gradients;
  const out = scratch(index);
  kernels.combine(out, 1, gradients, decay, parameters);
  return out;
}

/** Adam's two: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2. */
export function runningMeans(
  { kernels, state }: OptimizerPass,
  g: Matrix,
  { beta1, beta2 }: { readonly beta1: number; readonly beta2: number },
): void {
  kernels.combine(state.m!, beta1, state.m!, 1 - beta1, g);
  kernels.mixProduct(state.v!, beta2, 1 - beta2, g, g);
}
