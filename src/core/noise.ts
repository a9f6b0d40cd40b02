/** The random numbers of a pass. masks.ts draws dropout masks from them. */
import { requireInteger, requireKeys } from '../checks.js';

/** The random numbers of a pass: the same seed and update give the same masks. */
export interface Noise {
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  /** Number of the update. */
  readonly update: number;
  /**
   * For a pass over a part of a larger batch: the first step and row of that part, and the rows of each step of the larger batch.
   * The masks are then the matching part of the larger batch's masks. Default: the pass is the whole batch.
   */
  readonly part?: { readonly step: number; readonly row: number; readonly rows: number };
}

/** Throws `INVALID_SETTING` unless `noise` is null or has a valid seed and update. */
export function requireNoise(noise: unknown): asserts noise is Noise | null {
  if (noise === null) return;
  requireKeys('noise', noise, ['seed', 'update', 'part']);
  const { seed, update, part } = noise as Noise;
  requireInteger('noise.seed', seed, 0, 2 ** 32 - 1);
  requireInteger('noise.update', update, 0, Number.MAX_SAFE_INTEGER);
  if (part === undefined) return;
  requireKeys('noise.part', part, ['step', 'row', 'rows']);
  for (const [key, value] of Object.entries(part)) requireInteger(`noise.part.${key}`, value, 0, 1 << 28);
}
