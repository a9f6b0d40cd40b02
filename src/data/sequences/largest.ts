/** The index, from 0, of the largest of `count` numbers from `at` on; of equal ones the first. */
export function largestOf(values: ArrayLike<number>, at: number, count: number): number {
  let best = 0;
  for (let k = 1; k < count; k++) if (values[at + k]! > values[at + best]!) best = k;
  return best;
}
