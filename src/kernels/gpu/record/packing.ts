/** Several arrays in one. */

/** Rounds up to a multiple of four. */
export const roundUpTo4 = (count: number): number => 4 * Math.ceil(count / 4);

/** The arrays in one, each starting at a multiple of four, as they are uploaded to a device. */
export function packAligned(arrays: readonly Float32Array[]): {
  readonly numbers: Float32Array;
  readonly starts: readonly number[];
} {
  let size = 0;
  const starts = arrays.map(({ length }) => {
    const start = size;
    size += roundUpTo4(length);
    return start;
  });
  const numbers = new Float32Array(size);
  for (const [i, array] of arrays.entries()) numbers.set(array, starts[i]);
  return { numbers, starts };
}

/** The arrays one after the other, without gaps. */
export function concatenate(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
