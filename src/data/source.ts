/** The contract of training and validation data: batches by number. */
import type { Batch } from '../core/model.js';
import type { Rng } from '../core/rng.js';

/** A batch source as plain data, from which a worker creates the same source. */
export interface SourceDescription {
  /** The name of a source maker (see `createSource`). */
  readonly kind: string;
  readonly [part: string]: unknown;
}

/** A numbered list of batches, for training or validation. */
export interface BatchSource {
  /** Whether batch k+1 continues the sequences of batch k, row by row, so that the model's state is carried over. */
  readonly stateful: boolean;
  /** The number of batches. */
  readonly length: number;
  /** Returns batch `index`, from 0 to `length - 1`. */
  batch(index: number): Batch;
  /** Returns the batches of one epoch, in another order or cut differently. Default: the same batches in every epoch. */
  shuffled?(rng: Rng): BatchSource;
  /** Returns a description that a worker can rebuild the source from. Default: all batches, if `shuffled` is missing. */
  describe?(): SourceDescription;
}
