/** Many rows of numbers in one, each from a multiple of four on: how numbers go over to a device. */
export function packed(all: readonly Float32Array[]): {
  readonly numbers: Float32Array;
  readonly begins: readonly number[];
} {
  let size = 0;
  const begins = all.map(({ length }) => {
    const begin = size;
    size += roundedUp(length);
    return begin;
  });
  const numbers = new Float32Array(size);
  for (const [i, one] of all.entries()) numbers.set(one, begins[i]);
  return { numbers, begins };
}

/** To a multiple of four. */
export const roundedUp = (count: number): number => 4 * Math.ceil(count / 4);

/** Rows of numbers, one behind the other. */
export function inOneRow(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}
