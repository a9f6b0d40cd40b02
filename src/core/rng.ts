/** Random numbers: every one of them comes from seedrandom (ARC4), so a seed fixes a whole training run to the bit. */
import seedrandom from 'seedrandom/seedrandom.js'; // ARC4 alone: the package's main file brings seven more

/** A generator that can be stopped, saved as JSON and continued. */
export interface Rng {
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number;
  /** Standard normal (Box-Muller, one number a call, so that no half-used pair has to be saved). */
  normal(): number;
  /** Whole number in [0, n). */
  integer(n: number): number;
  /** JSON-able; `restoreRng` continues exactly here. */
  state(): RngState;
}

export type RngState = object;

/** Whether a value read from somewhere is such a state: two places in an ARC4 table of 256 bytes, and the table. */
export function isRngState(value: unknown): value is RngState {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { i, j, S } = value as { readonly [key: string]: unknown };
  const isByte = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0 && (n as number) < 256;
  return isByte(i) && isByte(j) && Array.isArray(S) && S.length === 256 && S.every(isByte);
}

type Generator = seedrandom.StatefulPRNG<seedrandom.State.Arc4>;

/** The generator is made at its first use: to key its table takes longer than a thousand draws, and biases draw nothing. */
function wrap(make: () => Generator): Rng {
  let made: Generator | null = null;
  const generator = (): Generator => (made ??= make());
  const uniform = (): number => generator().double();
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer: (n) => Math.floor(uniform() * n),
    state: () => generator().state(),
  };
}

/**
 * The stream of random numbers named `purpose` under `seed`. Streams with different names are independent, so adding a
 * layer does not change the numbers that another one starts from.
 */
export function createRng(seed: number | string, purpose: string): Rng {
  return wrap(() => seedrandom(`${seed}/${purpose}`, { state: true }) as Generator);
}

/** Continues a generator from what `state()` gave. */
export function restoreRng(state: RngState): Rng {
  const generator = seedrandom('', { state: state as seedrandom.State.Arc4 }) as Generator;
  return wrap(() => generator);
}
