/** Batches of sequences of similar lengths, padded to the longest. */
import { requireInteger } from '../../checks.js';
import type { Batch } from '../../core/model.js';
import { createRng, type Rng, requireRng, shuffled } from '../../core/rng.js';
import type { BatchSource } from '../source.js';
import { groupedBy } from './grouped.js';
import type { Sample } from './read.js';

/** A sample as numbers. */
export interface EncodedSample {
  readonly sample: Sample;
  /** Tokens [steps], or values [steps, width]. */
  readonly inputs: Float64Array;
  /** The number of the class, or of the tag of each step; empty if not known. */
  readonly targets: readonly number[];
}

/** How samples become batches. */
export interface BatchRules {
  readonly batchSize: number;
  /** Numbers in one time step; null for tokens. */
  readonly width: number | null;
  /** Whether a sample has one target per time step, not one in all. */
  readonly perStep: boolean;
  /** Whether the samples of smaller classes are repeated in each epoch. */
  readonly oversample: boolean;
}

/** The arrays of a batch: inputs [T, N] or [T, N, D], padded with 0, targets [T, N] or [N], and the weights of the rows. */
export function batchOf(
  samples: readonly EncodedSample[],
  { width, perStep }: Pick<BatchRules, 'width' | 'perStep'>,
): Batch {
  const batchSize = samples.length;
  const steps = samples.reduce((max, { sample }) => Math.max(max, sample.steps), 1);
  const columns = width ?? 1;
  const inputs = width === null ? new Int32Array(steps * batchSize) : new Float32Array(steps * batchSize * width);
  const rows = perStep ? steps * batchSize : batchSize;
  const targets = new Int32Array(rows);
  const weights = new Float32Array(rows);
  samples.forEach(({ sample, inputs: own, targets: labels }, n) => {
    for (let t = 0; t < sample.steps; t++) {
      for (let d = 0; d < columns; d++) inputs[(t * batchSize + n) * columns + d] = own[t * columns + d]!;
    }
    const [before, after] = sample.margins;
    const [from, to] = perStep ? [before, sample.steps - after] : [0, 1];
    for (let t = from; t < to; t++) {
      if (labels.length > 0) targets[t * batchSize + n] = labels[t]!;
      weights[t * batchSize + n] = 1;
    }
  });
  return {
    steps,
    batchSize,
    inputs,
    targets,
    weights,
    lengths: Int32Array.from(samples, ({ sample }) => sample.steps),
  };
}

/** Samples with those of smaller classes repeated until all classes have the same number. */
function balanced(samples: readonly EncodedSample[], rng: Rng): EncodedSample[] {
  const classes = groupedBy(samples, ({ targets }) => targets[0]!);
  const size = Math.max(...[...classes.values()].map((list) => list.length));
  return [...classes.values()].flatMap((list) => {
    const all: EncodedSample[] = [];
    while (all.length < size) all.push(...shuffled(list, rng).slice(0, size - all.length));
    return all;
  });
}

/**
 * Batches of sequences. Sequences of similar lengths share a batch, so that little is padded. `shuffled` changes which ones do, and the
 * order of the batches.
 */
export class SequenceSource implements BatchSource {
  readonly stateful = false;
  readonly samples: readonly EncodedSample[];
  readonly rules: BatchRules;
  private readonly batches: readonly (readonly EncodedSample[])[];

  constructor(samples: readonly EncodedSample[], rules: BatchRules, rng: Rng | null = null) {
    this.samples = samples;
    this.rules = rules;
    const { batchSize, oversample } = rules;
    const all = oversample ? balanced(samples, rng ?? createRng(1, 'balance')) : samples;
    const order = (rng ? shuffled(all, rng) : [...all]).sort((a, b) => a.sample.steps - b.sample.steps);
    const batches = Array.from({ length: Math.ceil(order.length / batchSize) }, (_, i) =>
      order.slice(i * batchSize, (i + 1) * batchSize),
    );
    this.batches = rng ? shuffled(batches, rng) : batches;
  }

  /** The number of batches. */
  get length(): number {
    return this.batches.length;
  }

  /** Batch `index`: inputs [T, N] or [T, N, D], targets, weights and lengths. */
  batch(index: number): Batch {
    requireInteger('batch index', index, 0, this.length - 1);
    return batchOf(this.batches[index]!, this.rules);
  }

  /** Returns the same samples in other batches. */
  shuffled(rng: Rng): SequenceSource {
    requireRng('rng', rng);
    return new SequenceSource(this.samples, this.rules, rng);
  }
}
