/** What describes one pass over a batch, shared by all layers. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import type { LiveRows } from './live-rows.js';
import type { Noise } from './noise.js';

/** The size of a pass: T time steps of N sequences. Rows are time-major: row t*N + n is step t of sequence n. */
export interface PassShape {
  readonly steps: number; // T
  readonly batchSize: number; // N
}

/** The state of the current pass, which all layers of a tape share. */
export interface PassState {
  /** Null outside of training: nothing is dropped. */
  noise: Noise | null;
}

/** Masks over the steps of sequences of unequal lengths: 1 or 0 for each step and row. */
export interface SequenceMasks {
  readonly activeMask: Matrix; // (T*N, 1), 1 up to each sequence's end
  readonly finishedMask: Matrix; // (T*N, 1), 1 - activeMask
  /** The rows that are live in the next pass; null where all rows of all steps are. */
  readonly live: LiveRows | null;
}

/** Rows [index*rows, (index+1)*rows) of `m` as a view: usually one time step of N rows. */
export const block = (k: Kernels, m: Matrix, index: number, rows: number): Matrix =>
  k.view(m, index * rows * m.cols, rows, m.cols);

/** All blocks of `rows` rows of `m`. */
export const blocks = (k: Kernels, m: Matrix, rows: number): Matrix[] =>
  Array.from({ length: m.rows / rows }, (_, index) => block(k, m, index, rows));

/** A list by time, in the order in which an LSTM of this direction computes it. */
export const inOrder = <T>(list: readonly T[], reverse: boolean): readonly T[] =>
  reverse ? [...list].reverse() : list;
