/** Numbers that identify data in checkpoints. */
import type { Batch } from '../core/model.js';

/** Number of batches, from the first, that identify the data. */
export const IDENTIFYING_BATCHES = 8;

/** A number for a list of numbers: FNV-1a over the halves of each as float64. */
export function hashOf(...lists: (ArrayLike<number> | undefined)[]): number {
  let hash = 0x811c9dc5;
  const [number, words] = [FLOAT, WORDS];
  for (const list of lists) {
    const length = list?.length ?? -1;
    for (let i = -1; i < length; i++) {
      const value: unknown = i < 0 ? length : list![i];
      number[0] = typeof value === 'number' ? value : 0; // a pass refuses other values
      hash = Math.imul(Math.imul(hash ^ words[0]!, 0x01000193) ^ words[1]!, 0x01000193);
      hash ^= hash >>> 15;
    }
  }
  return hash >>> 0;
}

const FLOAT = new Float64Array(1);
const WORDS = /* @__PURE__ */ new Uint32Array(FLOAT.buffer);

/** A number that identifies a batch. */
export const batchHash = ({ steps, batchSize, inputs, targets, weights, lengths }: Batch): number =>
  hashOf([steps, batchSize], inputs, targets, weights, lengths);
