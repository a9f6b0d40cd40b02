/** Batches of sequences of unequal lengths: which steps of which sequence count. */

import type { Kernels, Matrix } from '../contract/kernels.js';
import { requireLengths } from './layout.js';
import { LiveRows } from './live-rows.js';
import type { PassShape, SequenceMasks } from './pass.js';

export class SequenceLengths implements SequenceMasks {
  readonly activeMask: Matrix; // (T*N, 1)
  readonly finishedMask: Matrix; // (T*N, 1)
  /** The numbers of `activeMask`. */
  private readonly weights: Float64Array;
  /** Steps of each row. */
  readonly steps: Int32Array;
  private readonly k: Kernels;
  private readonly shape: PassShape;
  /** The numbers of `finishedMask`. */
  private readonly finished: Float64Array;
  private inputs = new Float64Array(0);
  /** Whether all sequences have all T steps. */
  private whole = true;
  /** Whether a sequence has fewer. */
  private isShort = false;
  private known: LiveRows | null = null;

  constructor(k: Kernels, shape: PassShape) {
    const count = shape.steps * shape.batchSize;
    this.k = k;
    this.shape = shape;
    this.finishedMask = k.alloc(count, 1);
    this.activeMask = k.alloc(count, 1);
    this.weights = new Float64Array(count);
    this.steps = new Int32Array(shape.batchSize);
    this.finished = new Float64Array(count);
    this.set(null);
  }

  /** Throws `SHAPE_MISMATCH` or `INVALID_DATA` unless `lengths` has an integer from 1 to T for each row. Null: all rows have T steps. */
  set(lengths: ArrayLike<number> | null): void {
    const { steps: T, batchSize: N } = this.shape;
    if (lengths) requireLengths(lengths, this.shape);
    for (let n = 0; n < N; n++) {
      const length = lengths?.[n] ?? T;
      this.steps[n] = length;
      for (let t = 0; t < T; t++) this.weights[t * N + n] = t < length ? 1 : 0;
    }
    for (let r = 0; r < this.weights.length; r++) this.finished[r] = 1 - this.weights[r]!;
    this.whole = !lengths;
    this.isShort = this.steps.some((length) => length < T);
    this.known = null;
    this.k.upload(this.activeMask, this.weights);
    this.k.upload(this.finishedMask, this.finished);
  }

  /** Made when a layer first reads it, which those do that leave out rows. */
  get live(): LiveRows | null {
    return this.isShort ? (this.known ??= new LiveRows(this.steps, this.shape)) : null;
  }

  /** The inputs, `width` numbers a step and row, with 0 past each row's end. */
  masked(inputs: ArrayLike<number>, width: number): ArrayLike<number> {
    if (this.whole) return inputs;
    const { weights } = this;
    if (this.inputs.length !== inputs.length) this.inputs = new Float64Array(inputs.length);
    const out = this.inputs;
    for (let row = 0, at = 0; row < weights.length; row++) {
      const end = at + width;
      if (weights[row] === 0) out.fill(0, at, (at = end));
      else for (; at < end; at++) out[at] = inputs[at]!;
    }
    return out;
  }

  /** Time-major: 1 for each step of a sequence, 0 past its end; null where all sequences have all steps. */
  get active(): Float64Array | null {
    return this.whole ? null : this.weights;
  }
}
