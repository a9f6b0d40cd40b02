/** Dropout masks: drawn from keys, so that a pass can be repeated with the same masks. */
import { requireInteger, requireKeys } from '../checks.js';
import type { Kernels, MaskKey, Matrix } from '../contract/kernels.js';

/** The random numbers of a pass: the same seed and update give the same masks. */
export interface Noise {
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  /** Number of the update. */
  readonly update: number;
  /**
   * For a pass over a part of a larger batch: the first step and row of that part, and the rows of the larger batch. The
   * masks are then the matching part of the larger batch's masks. Default: the pass is the whole batch.
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

/** A different number for each use of noise: FNV-1a over its name (Fowler, Noll & Vo). */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** What a mask has a row for: each step and batch row, each batch row for all steps, or neither. */
export type MaskOver = 'steps' | 'rows' | 'pass';

/** The key of a mask with `cols` columns. */
export function maskKey({ seed, update, part }: Noise, stream: number, cols: number, over: MaskOver): MaskKey {
  if (!part || over === 'pass') return { seed, update, stream };
  return { seed, update, stream, offset: cols * (part.row + (over === 'steps' ? part.step * part.rows : 0)) };
}

/** One place in a model that drops values. */
export interface MaskSource {
  readonly stream: number;
  /** Probability of 0. */
  readonly rate: number;
  readonly over: MaskOver;
}

/** Fills a dropout mask: 0 with probability `rate`, else 1 / (1 - rate), so that the mean is unchanged. */
export function drawMask(k: Kernels, mask: Matrix, noise: Noise, { stream, rate, over }: MaskSource): void {
  k.bernoulli(mask, maskKey(noise, stream, mask.cols, over), { probability: rate, hit: 0, miss: 1 / (1 - rate) });
}
