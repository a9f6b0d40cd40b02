import type { NdArray } from 'ndarray';
import type { FloatArray } from '../../src/core/kernels.js';

/** The numbers of an ndarray in row-major order, whatever its strides. */
export function flat(a: NdArray<FloatArray>): number[] {
  const out: number[] = [];
  const walk = (index: number[]): void => {
    if (index.length === a.shape.length) out.push(a.get(...index) as number);
    else for (let i = 0; i < a.shape[index.length]!; i++) walk([...index, i]);
  };
  walk([]);
  return out;
}
