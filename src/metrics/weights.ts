/** The weights of the rows that a metric adds. */
import { requireList, requireValues } from '../checks.js';
import { UnspoolError } from '../errors.js';

/**
 * Throws `SHAPE_MISMATCH` or `INVALID_DATA` unless `weights` has a number of at least 0 for each row of so many targets. Returns
 * the number of targets of a row.
 */
export function requireWeights(op: string, weights: ArrayLike<number>, targets: number): number {
  requireList('weights', weights);
  const width = targets / weights.length;
  if (targets !== weights.length && !Number.isInteger(width)) {
    const help = 'Give one weight per row.';
    throw new UnspoolError({
      ...{ code: 'SHAPE_MISMATCH', op, tensor: 'weights', help },
      ...{ expected: [targets], actual: [weights.length] },
    });
  }
  requireValues('weights', weights, { min: 0 });
  return width;
}
