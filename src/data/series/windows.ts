/** Windows of one or more series as a batch source. */
import { requireInteger } from '../../checks.js';
import type { Batch } from '../../core/model.js';
import { type Rng, requireRng, shuffled } from '../../core/rng.js';
import type { BatchSource } from '../source.js';
import type { WindowSizes, WindowsDescription } from './encoded-windows.js';
import type { SeriesEncoder, WindowArrays } from './encoder.js';

/** A window: a series, and the first row that it predicts. */
export interface Window {
  readonly encoder: SeriesEncoder;
  readonly origin: number;
}

const emptyArrays = ({ steps, inputSize }: WindowSizes, count: number): WindowArrays => ({
  count,
  inputs: new Float32Array(steps * count * inputSize),
  targets: new Float32Array(steps * count),
  weights: new Float32Array(steps * count),
});

/** The arrays of some windows. */
export function encodeWindows(windows: readonly Window[], sizes: WindowSizes): WindowArrays {
  const arrays = emptyArrays(sizes, windows.length);
  windows.forEach(({ encoder, origin }, index) => {
    encoder.write({ origin, index }, arrays);
  });
  return arrays;
}

/** The windows that miss no value that they read or predict. */
export function completeWindows(windows: readonly Window[], sizes: WindowSizes): Window[] {
  const arrays = emptyArrays(sizes, 1);
  return windows.filter(({ encoder, origin }) => !encoder.write({ origin, index: 0 }, arrays));
}

/** The windows that have a value to predict. */
export function predictableWindows(windows: readonly Window[], sizes: WindowSizes): Window[] {
  return windows.filter((window) => encodeWindows([window], sizes).weights.includes(1));
}

/** Batches of windows. Each window is in one batch of an epoch; `shuffled` changes their order. */
export class WindowSource implements BatchSource {
  readonly stateful = false;
  readonly windows: readonly Window[];
  readonly sizes: WindowSizes;

  constructor(windows: readonly Window[], sizes: WindowSizes) {
    this.windows = windows;
    this.sizes = sizes;
  }

  /** The number of batches. */
  get length(): number {
    return Math.ceil(this.windows.length / this.sizes.batchSize);
  }

  /** Batch `index`: inputs [T, N, D], targets [T, N] and weights [T, N], which are 0 in the history. */
  batch(index: number): Batch {
    requireInteger('batch index', index, 0, this.length - 1);
    const { batchSize, steps } = this.sizes;
    const windows = this.windows.slice(index * batchSize, (index + 1) * batchSize);
    const { inputs, targets, weights } = encodeWindows(windows, this.sizes);
    return { steps, batchSize: windows.length, inputs, targets, weights };
  }

  /** Returns the same windows in a random order. */
  shuffled(rng: Rng): WindowSource {
    requireRng('rng', rng);
    return new WindowSource(shuffled(this.windows, rng), this.sizes);
  }

  /** Returns the windows as plain arrays, from which a worker makes the same batches. */
  describe(): WindowsDescription {
    const { windows, sizes } = this;
    const [steps, count] = [sizes.steps, windows.length];
    const inputs = new Float32Array(count * steps * sizes.inputSize);
    const [targets, weights] = [new Float32Array(count * steps), new Float32Array(count * steps)];
    windows.forEach((window, w) => {
      const one = encodeWindows([window], sizes);
      inputs.set(one.inputs, w * steps * sizes.inputSize);
      targets.set(one.targets, w * steps);
      weights.set(one.weights, w * steps);
    });
    return { kind: 'windows', sizes, inputs, targets, weights, order: Array.from(windows, (_, w) => w) };
  }
}
