import type { Kernels, MaskKey, Matrix } from '../../contract/kernels.js';
import type { Arena, ParameterSpec } from '../memory/parameters.js';

/** The size of one pass: T steps of N batch rows. Sequences are time-major: row t*N + n is step t of row n. */
export interface PassShape {
  readonly steps: number; // T
  readonly batchSize: number; // N
}

/** Which random numbers a pass uses: the same seed and step give the same masks again. */
export interface Noise {
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  /** Number of the update. */
  readonly update: number;
  /**
   * Of a pass that is a part of a larger one: the step and row of that one which it begins with, and how many rows that one has. Its
   * masks are then that part of the larger one's. Default: it is the whole.
   */
  readonly part?: { readonly step: number; readonly row: number; readonly rows: number };
}

/** What all layers of a tape share in one pass. */
export interface PassState {
  /** Null outside of training: nothing is dropped. */
  noise: Noise | null;
}

/** Sequences of unequal lengths: for each step and row 1 or 0, whether the row is over, and the other way round. */
export interface Ragged {
  readonly ended: Matrix; // (T*N, 1)
  readonly alive: Matrix; // (T*N, 1)
}

/** What a layer reads, and where it leaves the gradient of that. */
export interface LayerInput {
  /** Null before an embedding, which reads token numbers. */
  readonly x: Matrix | null;
  /** Null where nobody asks for the gradient. */
  readonly dx: Matrix | null;
  /** Time steps that x holds: T, or 1 after a layer that returns its last step only. */
  readonly steps: number;
  /** Null where all rows have all the steps. */
  readonly ragged: Ragged | null;
}

/**
 * One layer's part of a tape: its buffers for one pass, and how to compute it. The layer above reads `y`, and in the
 * backward pass writes `dy` whole before `backward` is called.
 */
export interface LayerTape {
  readonly kind: string;
  readonly name: string;
  readonly y: Matrix;
  /** Null on a tape that was made without gradients. */
  readonly dy: Matrix | null;
  /** Time steps that y holds. */
  readonly outputSteps: number;
  /** Lays the weights out for `forward`: needed before it whenever they, or the noise, have changed. */
  pack(parameters: Arena): void;
  forward(parameters: Arena): void;
  /** Adds to `gradients`. */
  backward(parameters: Arena, gradients: Arena): void;
}

/**
 * A layer of a built model: what it needs and how to lay its tape; it holds no numbers itself. The `kernels` of a tape are
 * its lease of the backend: what is allocated through them goes back when the tape is freed (lease.ts).
 */
export interface Layer {
  readonly name: string;
  readonly outputSize: number;
  readonly parameters: readonly ParameterSpec[];
  tape(kernels: Kernels, shape: PassShape, input: LayerInput, withGradients: boolean, pass: PassState): LayerTape;
}

/** A number for a layer's use of noise that no other has: FNV-1a over its name (Fowler, Noll & Vo). */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** What a mask has a row for: each step and row of the batch, each row for all steps, or neither. */
export type MaskOver = 'steps' | 'rows' | 'pass';

/** The random numbers of a mask of so many columns. */
export function maskKey({ seed, update, part }: Noise, stream: number, cols: number, over: MaskOver): MaskKey {
  if (!part || over === 'pass') return { seed, update, stream };
  return { seed, update, stream, offset: cols * (part.row + (over === 'steps' ? part.step * part.rows : 0)) };
}

/** What dropout multiplies with: 0 with the probability `rate`, else 1 / (1 - rate), so that the mean stays. */
export function drawMask(k: Kernels, mask: Matrix, noise: Noise, stream: number, rate: number, over: MaskOver): void {
  k.bernoulli(mask, maskKey(noise, stream, mask.cols, over), { probability: rate, hit: 0, miss: 1 / (1 - rate) });
}
