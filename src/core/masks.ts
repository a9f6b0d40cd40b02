/** Dropout masks: drawn from keys, so that a pass can be repeated with the same masks. */
import type { Kernels, MaskKey, Matrix } from '../contract/kernels.js';
import type { Noise } from './noise.js';
import { blocks } from './pass.js';

/** A different number for each use of noise: FNV-1a over its name (Fowler, Noll & Vo). */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** What a mask has a row for: each step and batch row, each batch row for all steps, or neither. */
export type MaskOver = 'steps' | 'rows' | 'pass';

/** Where the numbers of a mask come from. */
export interface MaskPlace {
  readonly stream: number;
  readonly over: MaskOver;
  /** Rows of each step of the mask, for one over `steps`. */
  readonly batchSize?: number;
}

/**
 * A mask in pieces whose numbers are consecutive, with the key of each: the whole mask or, for a part of a larger batch, one piece
 * per step.
 */
export function maskPieces(
  k: Kernels,
  mask: Matrix,
  { seed, update, part }: Noise,
  { stream, over, batchSize = mask.rows }: MaskPlace,
): readonly (readonly [piece: Matrix, key: MaskKey])[] {
  if (!part || over === 'pass') return [[mask, { seed, update, stream }]];
  const key = (step: number): MaskKey => ({
    ...{ seed, update, stream },
    offset: mask.cols * (part.row + (over === 'steps' ? (part.step + step) * part.rows : 0)),
  });
  if (over === 'rows' || mask.rows === batchSize) return [[mask, key(0)]];
  return blocks(k, mask, batchSize).map((piece, step) => [piece, key(step)] as const);
}

/** One place in a model that drops values. */
export interface MaskSource extends MaskPlace {
  /** Probability of 0. */
  readonly rate: number;
}

/** Fills a dropout mask: 0 with probability `rate`, else 1 / (1 - rate), so that the mean is unchanged. */
export function drawMask(k: Kernels, mask: Matrix, noise: Noise, source: MaskSource): void {
  const { rate } = source;
  for (const [piece, key] of maskPieces(k, mask, noise, source)) {
    k.bernoulli(piece, key, { probability: rate, hit: 0, miss: 1 / (1 - rate) });
  }
}
