import type { NdArray } from '../../src/core/memory/views.js';

/** The numbers of an ndarray in row-major order, whatever its strides. */
export function flat(a: NdArray): number[] {
  const out: number[] = [];
  const walk = (index: number[]): void => {
    if (index.length === a.shape.length) out.push(a.get(...index) as number);
    else for (let i = 0; i < a.shape[index.length]!; i++) walk([...index, i]);
  };
  walk([]);
  return out;
}

const { is } = Object; // a look-up of a global costs about a microsecond under jest

/** Fails at the first number that differs, however little. */
export function expectSameBits(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  if (actual.length !== expected.length) throw new Error(`${actual.length} numbers, expected ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (!is(actual[i], expected[i])) throw new Error(`number ${i} is ${actual[i]}, expected ${expected[i]}`);
  }
}
