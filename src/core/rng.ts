/** Random numbers from seedrandom (ARC4). A seed determines every bit of a training run. */

import seedrandom from 'seedrandom/seedrandom.js'; // only ARC4; the main file of the package has seven more generators
import { isObject, requireFunction, requireInteger, shown } from '../checks.js';
import { invalidData, invalidSetting } from '../errors.js';

/** A random number generator whose state can be saved as JSON and restored. */
export interface Rng {
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number;
  /** Standard normal. Box-Muller with one number per call, so that the state has no half-used pair. */
  normal(): number;
  /** Integer in [0, n). */
  integer(n: number): number;
  /** The state, which can be saved as JSON. `restoreRng` continues from it with exactly the next number. */
  state(): RngState;
}

/** The state of an `Rng`: a JSON object. */
export type RngState = object;

/** Whether a value is the state of an `Rng`: two indexes into an ARC4 table of 256 bytes, and the table. */
export function isRngState(value: unknown): value is RngState {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { i, j, S } = value as { readonly [key: string]: unknown };
  const isByte = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0 && (n as number) < 256;
  return isByte(i) && isByte(j) && Array.isArray(S) && S.length === 256 && S.every(isByte);
}

type Generator = seedrandom.StatefulPRNG<seedrandom.State.Arc4>;

/** Creates the generator at its first use: its key schedule takes longer than 1000 numbers, and many streams are never used. */
function lazyRng(create: () => Generator): Rng {
  let created: Generator | null = null;
  const generator = (): Generator => (created ??= create());
  const uniform = (): number => generator().double();
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer(n) {
      requireInteger('n', n, 1, Number.MAX_SAFE_INTEGER);
      return Math.floor(uniform() * n);
    },
    state: () => generator().state(),
  };
}

/**
 * Creates the random number stream `purpose` of `seed`. Streams with different names are independent, so an additional
 * layer does not change the initial weights of the others. Throws `INVALID_SETTING`.
 */
export function createRng(seed: number | string, purpose: string): Rng {
  if (typeof seed !== 'string' && !Number.isFinite(seed)) {
    throw invalidSetting('seed', `must be a number or a string, got ${shown(seed)}.`);
  }
  if (typeof purpose !== 'string') throw invalidSetting('purpose', `must be a string, got ${shown(purpose)}.`);
  return lazyRng(() => seedrandom(`${seed}/${purpose}`, { state: true }) as Generator);
}

/** Restores a generator from the result of `state()`. Throws `INVALID_DATA` for anything else. */
export function restoreRng(state: RngState): Rng {
  if (!isRngState(state)) {
    throw invalidData('rng', `must be the state of a generator, got ${shown(state)}.`, 'Pass the result of state().');
  }
  const generator = seedrandom('', { state: state as seedrandom.State.Arc4 }) as Generator;
  return lazyRng(() => generator);
}

/** Throws `INVALID_SETTING` for a value that is not a generator of random numbers. */
export function requireRng(path: string, value: unknown): asserts value is Rng {
  if (!isObject(value)) {
    const problem = `must be a generator of random numbers, got ${shown(value)}.`;
    throw invalidSetting(path, problem, 'Pass createRng(seed, name).');
  }
  for (const name of ['uniform', 'normal', 'integer']) requireFunction(`${path}.${name}`, value[name]);
}

/** A copy of a list in a random order (Fisher and Yates). */
export function shuffled<T>(list: readonly T[], rng: Rng): T[] {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
