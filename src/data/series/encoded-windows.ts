/** Windows as plain arrays, from which a worker makes the same batches as a `WindowSource`. */
import { requireInteger } from '../../checks.js';
import type { Batch } from '../../core/model.js';
import { type Rng, shuffled } from '../../core/rng.js';
import type { BatchSource, SourceDescription } from '../source.js';

/** The sizes of windows. */
export interface WindowSizes {
  /** Rows of history and horizon. */
  readonly steps: number;
  /** Inputs of each row. */
  readonly inputSize: number;
  readonly batchSize: number;
}

/** The description of a `WindowSource`: its windows one after another, and their order. */
export interface WindowsDescription extends SourceDescription {
  readonly kind: 'windows';
  readonly sizes: WindowSizes;
  /** [W, T, D]. */
  readonly inputs: Float32Array;
  /** [W, T]. */
  readonly targets: Float32Array;
  /** [W, T]. */
  readonly weights: Float32Array;
  /** The windows of the first batch, then those of the second, and so on. */
  readonly order: readonly number[];
}

/** A description without its kind. */
export type WindowParts = Pick<WindowsDescription, 'sizes' | 'inputs' | 'targets' | 'weights' | 'order'>;

/** A batch source from the description of a `WindowSource`. */
export class EncodedWindows implements BatchSource {
  readonly stateful = false;
  private readonly parts: WindowParts;

  constructor(parts: WindowParts) {
    this.parts = parts;
  }

  get length(): number {
    return Math.ceil(this.parts.order.length / this.parts.sizes.batchSize);
  }

  batch(index: number): Batch {
    requireInteger('batch index', index, 0, this.length - 1);
    const { sizes, order, inputs, targets, weights } = this.parts;
    const { batchSize, steps, inputSize } = sizes;
    const windows = order.slice(index * batchSize, (index + 1) * batchSize);
    const timeMajor = (from: Float32Array, width: number): Float32Array => {
      const to = new Float32Array(steps * windows.length * width);
      windows.forEach((window, n) => {
        for (let t = 0; t < steps; t++) {
          const at = (window * steps + t) * width;
          to.set(from.subarray(at, at + width), (t * windows.length + n) * width);
        }
      });
      return to;
    };
    return {
      ...{ steps, batchSize: windows.length, inputs: timeMajor(inputs, inputSize) },
      ...{ targets: timeMajor(targets, 1), weights: timeMajor(weights, 1) },
    };
  }

  shuffled(rng: Rng): EncodedWindows {
    return new EncodedWindows({ ...this.parts, order: shuffled(this.parts.order, rng) });
  }

  describe(): WindowsDescription {
    return { kind: 'windows', ...this.parts };
  }
}
