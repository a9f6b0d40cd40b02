import { UnspoolError } from '../errors.js';

/** `count` times the same whole number from -128 to 127. Throws `OUT_OF_MEMORY`. */
export function same(count: number, value: number): ArrayLike<number> {
  try {
    return new Int8Array(count).fill(value);
  } catch {
    const capacity = Number.POSITIVE_INFINITY;
    throw new UnspoolError({ code: 'OUT_OF_MEMORY', bytes: count, inUse: null, capacity });
  }
}
