// Taken out of the globals once: under jest each look-up of one costs about a microsecond.
const { cos, floor, imul, log, PI, sqrt } = Math;

/** Repeatable numbers for tests (mulberry32), apart from the engine's own generator. */
export interface TestRandom {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Roughly normal: mean 0, deviation 1. */
  normal(): number;
  /** Whole number in [0, n). */
  integer(n: number): number;
  normals(count: number, scale?: number): number[];
  integers(count: number, n: number): Int32Array;
}

export function testRandom(seed: number): TestRandom {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = imul(t ^ (t >>> 15), t | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = (): number => sqrt(-2 * log(1 - uniform())) * cos(2 * PI * uniform());
  const integer = (n: number): number => floor(uniform() * n);
  return {
    uniform,
    normal,
    integer,
    normals: (count, scale = 1) => Array.from({ length: count }, () => normal() * scale),
    integers: (count, n) => Int32Array.from({ length: count }, () => integer(n)),
  };
}
