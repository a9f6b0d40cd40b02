/** Dropout masks: drawn from keys, so that a pass can be repeated with the same masks. */
import type { Kernels, MaskKey, Matrix } from '../contract/kernels.js';
import type { Noise } from './noise.js';

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
